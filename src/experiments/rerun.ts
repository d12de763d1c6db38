import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SoftpromptError } from '../foundation/errors.ts';
import type { TrainingEvent } from '../training/events.ts';
import { changedInputs } from './inputHashes.ts';
import { madeWith } from './madeWith.ts';
import { readRun, readRunExperiment, runFolder } from './runs.ts';
import { tensorHashes } from './tensorHashes.ts';
import type { TrainingEngine } from './trainExperiment.ts';

/** Whether a run gave the same again. */
export interface RerunReport {
  readonly run: string;
  /** Whether every file of tensors has the same bytes. */
  readonly same: boolean;
  /** Files of tensors whose bytes differ, or that only one of the two has. */
  readonly differing: readonly string[];
  /** What is not as it was, in words: why bytes may differ. */
  readonly changed: readonly string[];
}

/**
 * Trains a finished run again, as it was, and compares the adapter with the one that it gave; keeps nothing. Yields the
 * training's events.
 * @throws SoftpromptError run-unknown, run-not-resumable, cancelled
 */
export async function* rerun(
  engine: TrainingEngine,
  store: string,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<TrainingEvent, RerunReport> {
  const run = await readRun(store, id);
  if (run.adapter === null || !existsSync(run.adapter)) {
    const problem = 'it left no adapter that a second one could be compared with';
    throw new SoftpromptError('run-not-repeatable', { run: id, problem });
  }
  const { experiment } = await readRunExperiment(store, run);
  const changed = run.inputs === undefined ? [] : [...(await changedInputs(run.inputs, experiment))];
  const now = await madeWith();
  for (const [what, before] of Object.entries(run.madeWith ?? {})) {
    if (now[what] !== before) changed.push(`${what} (was ${before}, is ${now[what]})`);
  }
  const folder = await mkdtemp(join(runFolder(store, id), '.again-'));
  try {
    const adapterFolder = join(folder, 'adapter');
    await mkdir(adapterFolder);
    const request = { experiment, checkpoints: join(folder, 'checkpoints'), resume: false, adapterFolder, quiet: true };
    for await (const event of engine.train(request, signal)) {
      if (event.event === 'done' && event.reason === 'stopped') throw new SoftpromptError('cancelled', {});
      yield event;
    }
    const differing = await differingTensors(run.adapter, adapterFolder);
    return { run: id, same: differing.length === 0, differing, changed };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function differingTensors(one: string, other: string): Promise<readonly string[]> {
  const [before, after] = [await tensorHashes(one), await tensorHashes(other)];
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.filter((name) => before.get(name) !== after.get(name));
}
