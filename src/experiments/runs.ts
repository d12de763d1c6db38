import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvaluationResult } from '../evaluation/result.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import type { Environment } from './environment.ts';
import { type LoadedExperiment, restoreExperiment } from './experimentFile.ts';
import type { RunRecord } from './records.ts';
import { subfolders } from './store.ts';

/** Folder of a run: run.json, experiment.json, events.jsonl, checkpoints, TensorBoard event files. */
export function runFolder(store: string, id: string): string {
  return join(store, 'runs', id);
}

/** Makes the folder and record of a new run, in state `running`. */
export async function createRun(store: string, loaded: LoadedExperiment, env: Environment): Promise<RunRecord> {
  const started = env.now();
  const id = await claimFolder(join(store, 'runs'), loaded.name, started, env.random);
  const { training } = loaded.effective;
  const record: RunRecord = {
    id,
    name: loaded.name,
    experiment: loaded.file,
    state: 'running',
    pid: env.pid,
    started: started.toISOString(),
    ended: null,
    device: training.device,
    seed: training.seed,
    checkpoint: null,
    steps: 0,
    totalSteps: 0,
    adapter: null,
    error: null,
  };
  await writeJson(join(runFolder(store, id), 'experiment.json'), loaded.effective);
  await writeJson(recordFile(store, id), record);
  return record;
}

/** Rewrites a run's record with some fields changed; only the process that runs it may. */
export async function updateRun(
  store: string,
  id: string,
  changes: Partial<Omit<RunRecord, 'id'>>,
): Promise<RunRecord> {
  const record = { ...(await readRun(store, id)), ...changes };
  await writeJson(recordFile(store, id), record);
  return record;
}

/** A run's record. @throws 'run-unknown' */
export async function readRun(store: string, id: string): Promise<RunRecord> {
  const known = subfolders(join(store, 'runs'));
  if (!known.includes(id)) throw new SoftpromptError('run-unknown', { run: id, store, latest: known.at(-1) ?? null });
  return (await readJson(recordFile(store, id))) as RunRecord;
}

/** The experiment a run was started with, whatever its file says by now. */
export async function readRunExperiment(store: string, run: RunRecord): Promise<LoadedExperiment> {
  return restoreExperiment(await readJson(join(runFolder(store, run.id), 'experiment.json')), run.experiment);
}

/** All runs, newest first; folders without a readable record are left out. */
export async function listRuns(store: string): Promise<RunRecord[]> {
  const ids = subfolders(join(store, 'runs')).reverse();
  const records = await Promise.all(ids.map((id) => readRun(store, id).catch(() => null)));
  return records.filter((record) => record !== null);
}

/** Whether a run that says `running` is not: its process is gone, so it was killed and can be resumed. */
export function wasKilled(run: Pick<RunRecord, 'state' | 'pid'>): boolean {
  if (run.state !== 'running') return false;
  try {
    process.kill(run.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Keeps an evaluation with a run, in place of the one before it. */
export async function saveEvaluation(store: string, runId: string, result: EvaluationResult): Promise<void> {
  await readRun(store, runId);
  await writeJson(evaluationFile(store, runId), result);
}

/** The evaluation kept with a run, or null. */
export async function readEvaluation(store: string, runId: string): Promise<EvaluationResult | null> {
  const file = evaluationFile(store, runId);
  return existsSync(file) ? ((await readJson(file)) as EvaluationResult) : null;
}

/** Makes a new folder in `inside`, named by UTC time, experiment and two random characters; names sort by time. */
export async function claimFolder(inside: string, name: string, time: Date, random: () => number): Promise<string> {
  await mkdir(inside, { recursive: true });
  const stamp = time.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const draw = Math.floor(random() * 36 ** 2);
  for (let taken = 0; ; taken++) {
    const suffix = ((draw + taken) % 36 ** 2).toString(36).padStart(2, '0');
    const id = `${stamp}-${name}-${suffix}`;
    try {
      await mkdir(join(inside, id));
      return id;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

const recordFile = (store: string, id: string): string => join(runFolder(store, id), 'run.json');
const evaluationFile = (store: string, id: string): string => join(runFolder(store, id), 'evaluation.json');

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(value, null, 2)}\n`);
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new SoftpromptError('file-unreadable', { file, problem: (error as Error).message }, { cause: error });
  }
}
