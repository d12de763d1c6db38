import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fingerprintModel, sha256File } from '../checkpoint/fingerprint.ts';
import type { CheckResult } from '../evaluation/checks/check.ts';
import { explain, isAbort, SoftpromptError } from '../foundation/errors.ts';
import type { DoneEvent, TrainingEvent } from '../training/events.ts';
import { appendAudit } from './audit.ts';
import type { Environment } from './environment.ts';
import { EventLog } from './eventLog.ts';
import type { LoadedExperiment } from './experimentFile.ts';
import { rowsForm } from './fileRows.ts';
import { changedInputs, inputHashes } from './inputHashes.ts';
import { exportAdapter, isInLibrary, readCard, saveAdapterVersion } from './library.ts';
import type { AdapterCard, RunRecord } from './records.ts';
import { createRun, readRun, readRunExperiment, runFolder, updateRun, wasKilled } from './runs.ts';
import type { Experiment } from './schema.ts';
import { TensorBoardWriter } from './tensorboard.ts';

/** What training an experiment asks of the engine. */
export interface TrainingEngine {
  /**
   * Loads what the experiment names and trains it. When `signal` is aborted it stops after the current step, writes a
   * checkpoint and ends with `done` (reason `stopped`). Before `done` the adapter's files are in `adapterFolder`.
   */
  train(request: TrainingRequest, signal: AbortSignal): AsyncIterable<TrainingEvent>;
  /** The short checks of the adapter that is in `adapterFolder` since; `trainedOn` is the base model's fingerprint. */
  check(
    request: TrainingRequest,
    trainedOn: string,
    signal: AbortSignal,
    env: Pick<Environment, 'now'>,
  ): Promise<readonly CheckResult[]>;
}

/** One training, with absolute paths. */
export interface TrainingRequest {
  readonly experiment: Experiment;
  /** Folder for checkpoints; those of this run may lie there. */
  readonly checkpoints: string;
  /** Whether to continue from the newest checkpoint. */
  readonly resume: boolean;
  /** Existing, empty folder for the adapter in PEFT's form. */
  readonly adapterFolder: string;
  /** Whether nobody reads samples of what the model writes. */
  readonly quiet?: boolean;
}

/** A run that is about to train. */
export interface PreparedRun {
  readonly store: string;
  readonly run: RunRecord;
  readonly loaded: LoadedExperiment;
  readonly resume: boolean;
}

/** Begins a new run of an experiment. */
export async function newRun(store: string, loaded: LoadedExperiment, env: Environment): Promise<PreparedRun> {
  return { store, run: await createRun(store, loaded, env), loaded, resume: false };
}

/**
 * Takes up a stopped, failed or killed run with the experiment it was started with.
 * @throws 'run-unknown'; 'run-not-resumable' when it is finished, still running, or has no checkpoint
 */
export async function reopenRun(store: string, id: string, env: Environment): Promise<PreparedRun> {
  const run = await readRun(store, id);
  const refuse = (problem: string) => new SoftpromptError('run-not-resumable', { run: id, problem });
  if (run.state === 'finished') throw refuse('it is finished');
  if (run.state === 'running' && !wasKilled(run)) throw refuse(`it is still running, in process ${run.pid}`);
  if (run.checkpoint === null) throw refuse('it ended before its first checkpoint');
  const loaded = await readRunExperiment(store, run);
  const changed = run.inputs === undefined ? [] : await changedInputs(run.inputs, loaded.experiment);
  if (changed.length > 0) throw refuse(`what it reads is not what it was: ${changed.join(', ')}`);
  return {
    store,
    run: await updateRun(store, id, { state: 'running', pid: env.pid, ended: null, error: null }),
    loaded,
    resume: true,
  };
}

/**
 * Trains a prepared run: yields the engine's events as they come, after writing them to events.jsonl and the
 * TensorBoard file, and keeps the run's record true. The adapter becomes the next version in the library, or lies in
 * `output` when that is given; the `done` event names the folder. A new run whose request was wrong leaves nothing.
 */
export async function* trainRun(
  engine: TrainingEngine,
  prepared: PreparedRun,
  output: string | null,
  signal: AbortSignal,
  env: Environment,
): AsyncGenerator<TrainingEvent, void> {
  const { store, run, loaded, resume } = prepared;
  const folder = runFolder(store, run.id);
  const adapterFolder = join(folder, 'adapter');
  await rm(adapterFolder, { recursive: true, force: true });
  await mkdir(adapterFolder);
  const request = { experiment: loaded.experiment, checkpoints: join(folder, 'checkpoints'), resume, adapterFolder };
  const log = await EventLog.open(store, run.id);
  let board: TensorBoardWriter | null = null;
  let ended = false;
  let discard = false;
  try {
    for await (const raw of engine.train(request, signal)) {
      board ??= await TensorBoardWriter.open(folder, env);
      const event = raw.event === 'done' ? await keepAdapter(engine, prepared, request, raw, output, signal, env) : raw;
      await log.append(event);
      await board.write(event);
      await follow(store, run.id, event, env);
      if (event.event === 'start' && run.inputs === undefined) {
        await updateRun(store, run.id, { inputs: await inputHashes(loaded.experiment) });
      }
      ended ||= event.event === 'done';
      yield event;
    }
  } catch (error) {
    ended = true;
    const { fault, what } = explain(error);
    discard = board === null && !resume && (fault ?? 'request') === 'request';
    if (!discard) {
      const end = isAbort(error) ? ({ state: 'stopped' } as const) : ({ state: 'failed', error: what } as const);
      await updateRun(store, run.id, { ...end, ended: env.now().toISOString() });
    }
    throw error;
  } finally {
    // The reader of the events may leave before the end.
    if (!ended) await updateRun(store, run.id, { state: 'stopped', ended: env.now().toISOString() });
    await log.close();
    await board?.close();
    if (discard) await rm(folder, { recursive: true, force: true });
  }
}

/** Brings the run's record up to date with an event that changes its state. */
async function follow(store: string, id: string, event: TrainingEvent, env: Environment): Promise<void> {
  if (event.event === 'start') {
    await updateRun(store, id, {
      ...{ totalSteps: event.total_steps, device: event.device, steps: event.resumed_from },
      ...(event.made_with !== undefined && { madeWith: event.made_with }),
    });
  } else if (event.event === 'checkpoint') {
    await updateRun(store, id, { checkpoint: event.step, steps: event.step });
  } else if (event.event === 'done') {
    await updateRun(store, id, {
      state: event.reason === 'stopped' ? 'stopped' : 'finished',
      steps: event.step,
      adapter: event.adapter,
      ended: env.now().toISOString(),
    });
  }
}

/** Puts the finished adapter where it belongs, with its card; gives the event with its final folder. */
async function keepAdapter(
  engine: TrainingEngine,
  { store, run, loaded }: PreparedRun,
  request: TrainingRequest,
  done: DoneEvent,
  output: string | null,
  signal: AbortSignal,
  env: Environment,
): Promise<DoneEvent> {
  const { name } = loaded;
  const { adapterFolder } = request;
  const card = { ...(await cardOf(engine, store, loaded, request, done, signal, env)), run: run.id };
  if (output !== null) {
    await exportAdapter(adapterFolder, output, { ...card, version: 1 });
    await rm(adapterFolder, { recursive: true });
    return { ...done, adapter: output };
  }
  const { dir, version } = await saveAdapterVersion(store, adapterFolder, card);
  await appendAudit(store, { action: 'created', adapter: `${name}@${version}`, detail: `run ${run.id}` }, env);
  return { ...done, adapter: dir };
}

/** The card of an adapter that an experiment gave, checks included, but for where it was trained. */
export async function cardOf(
  engine: TrainingEngine,
  store: string,
  { effective, experiment, name }: LoadedExperiment,
  request: TrainingRequest,
  done: Pick<DoneEvent, 'trainable_parameters' | 'best_step' | 'best_loss'>,
  signal: AbortSignal,
  env: Environment,
): Promise<Omit<AdapterCard, 'version' | 'run'>> {
  const fingerprint = await fingerprintModel(experiment.model);
  const form = await rowsForm(experiment);
  // The adapter is there: whatever keeps its checks from running must not take it away.
  const checks = signal.aborted ? [] : await engine.check(request, fingerprint, signal, env).catch(() => []);
  return {
    name,
    created: env.now().toISOString(),
    base: { model: effective.model, fingerprint },
    data: { file: effective.data.train, sha256: await sha256File(experiment.data.train) },
    experiment: effective,
    ...(form !== null && { rows_form: form }),
    seed: effective.training.seed,
    trainable_parameters: done.trainable_parameters,
    best_step: done.best_step,
    validation_loss: done.best_loss,
    metrics: {},
    ...(checks.length > 0 && { checks }),
    parent: await parentVersion(store, name, experiment.method.init_from),
  };
}

/** The version of the same adapter that training started from, if it did. */
async function parentVersion(store: string, name: string, initFrom: string | undefined): Promise<number | null> {
  if (initFrom === undefined || !isInLibrary(store, initFrom)) return null;
  const card = await readCard(initFrom);
  return card?.name === name ? card.version : null;
}
