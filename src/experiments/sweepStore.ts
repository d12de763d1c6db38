import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SoftpromptError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import type { Environment } from './environment.ts';
import { type LoadedExperiment, restoreExperiment } from './experimentFile.ts';
import { claimFolder, wasKilled } from './runs.ts';
import { subfolders } from './store.ts';

/** sweeps/ID/sweep.json. */
export interface SweepRecord {
  readonly id: string;
  /** Name of the experiment. */
  readonly name: string;
  /** Absolute path of the experiment file. */
  readonly experiment: string;
  readonly state: 'running' | 'finished' | 'stopped';
  /** Process that works on it; a `running` sweep whose process is gone was killed and can be gone on with. */
  readonly pid: number;
  readonly started: string;
  /** Folder of the best one's adapter in the library; null before the end, or when none could be trained. */
  readonly adapter: string | null;
}

/** sweeps/ID/trials/N/trial.json: what one combination with one seed came to. */
export interface TrialRecord {
  /** By rung: the best validation loss up to its end; null where the training failed. */
  readonly rungs: readonly {
    readonly step: number;
    readonly loss: number | null;
    readonly best_step: number;
    readonly trainable_parameters: number;
  }[];
  /** Words of the error that ended it. */
  readonly error: string | null;
}

/** Folder of a sweep. */
export function sweepFolder(store: string, id: string): string {
  return join(store, 'sweeps', id);
}

/** Folder of one trial of a sweep. */
export function trialFolder(store: string, id: string, trial: number): string {
  return join(sweepFolder(store, id), 'trials', String(trial).padStart(4, '0'));
}

/** Begins a sweep. */
export async function createSweep(store: string, loaded: LoadedExperiment, env: Environment): Promise<SweepRecord> {
  const started = env.now();
  const id = await claimFolder(join(store, 'sweeps'), loaded.name, started, env.random);
  await writeJson(join(sweepFolder(store, id), 'experiment.json'), loaded.written);
  const record: SweepRecord = {
    ...{ id, name: loaded.name, experiment: loaded.file, state: 'running', pid: env.pid },
    ...{ started: started.toISOString(), adapter: null },
  };
  await writeSweep(store, record);
  return record;
}

/** Rewrites a sweep's record. */
export function writeSweep(store: string, record: SweepRecord): Promise<void> {
  return writeJson(join(sweepFolder(store, record.id), 'sweep.json'), record);
}

/**
 * Takes up a sweep that was stopped or killed, with the experiment as it was then.
 * @throws SoftpromptError run-unknown, run-not-resumable
 */
export async function reopenSweep(
  store: string,
  id: string,
  env: Environment,
): Promise<{ readonly record: SweepRecord; readonly loaded: LoadedExperiment }> {
  const known = subfolders(join(store, 'sweeps'));
  if (!known.includes(id)) throw new SoftpromptError('run-unknown', { run: id, store, latest: known.at(-1) ?? null });
  const found = await readRecord(store, id);
  const refuse = (problem: string) => new SoftpromptError('run-not-resumable', { run: id, problem });
  if (found === null) throw refuse('its record cannot be read');
  if (found.state === 'finished') throw refuse('it is finished');
  if (found.state === 'running' && !wasKilled(found)) throw refuse(`process ${found.pid} works on it`);
  const written: unknown = JSON.parse(await readFile(join(sweepFolder(store, id), 'experiment.json'), 'utf8'));
  const record = { ...found, state: 'running', pid: env.pid } as const;
  await writeSweep(store, record);
  return { record, loaded: restoreExperiment(written, found.experiment) };
}

/** The newest sweep of an experiment that was stopped or killed, or null. */
export async function unfinishedSweep(store: string, experiment: string): Promise<string | null> {
  for (const id of subfolders(join(store, 'sweeps')).reverse()) {
    const record = await readRecord(store, id);
    if (record?.experiment !== experiment) continue;
    return record.state === 'stopped' || wasKilled(record) ? id : null;
  }
  return null;
}

/** What is known of a trial. */
export async function readTrial(store: string, id: string, trial: number): Promise<TrialRecord> {
  const file = join(trialFolder(store, id, trial), 'trial.json');
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as TrialRecord) : { rungs: [], error: null };
}

/** Keeps what a trial came to. */
export function writeTrial(store: string, id: string, trial: number, record: TrialRecord): Promise<void> {
  return writeJson(join(trialFolder(store, id, trial), 'trial.json'), record);
}

async function readRecord(store: string, id: string): Promise<SweepRecord | null> {
  const text = await readFile(join(sweepFolder(store, id), 'sweep.json'), 'utf8').catch(() => 'null');
  return JSON.parse(text) as SweepRecord | null;
}

function writeJson(file: string, value: unknown): Promise<void> {
  return writeFileAtomic(file, `${JSON.stringify(value, null, 2)}\n`);
}
