import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import type { LossRunner } from '../inference/lossRunner.ts';
import type { RunnerSource } from '../inference/runnerSource.ts';
import type { Method, TrainedTensors } from '../methods/method.ts';
import type { LabelledRow } from '../models/labelledRow.ts';
import type { Model } from '../models/model.ts';
import { supervisedWeight } from '../models/supervision.ts';
import type { Task } from '../models/task.ts';
import type { Device } from '../runtime/devices.ts';
import { Avoidance, batchesOf } from './avoidance.ts';
import { type TrainingState, writeCheckpoint } from './checkpoint.ts';
import { clipFactor, gradientNorm } from './clipping.ts';
import type { DoneEvent, StepEvent, TrainingEvent } from './events.ts';
import { Optimizer, optimizedForm } from './optimizer.ts';
import { sizeOf } from './optimizerRule.ts';
import { stepsPerEpoch, type TrainingOptions, totalSteps } from './options.ts';
import { learningRate } from './schedule.ts';

/** A training run: what is trained on what, and how. */
export interface TrainingSetup {
  readonly model: Model;
  readonly method: Method;
  /** The first tensors of a new run; not used when `resume` is given. */
  readonly initial: TrainedTensors;
  readonly rows: readonly LabelledRow[];
  /** Rows whose supervised tokens are to become unlikely, by `options.unlikelihood`; none when absent. */
  readonly avoided?: readonly LabelledRow[];
  /** Rows of the validation loss; may be empty. */
  readonly validation: readonly LabelledRow[];
  readonly options: TrainingOptions;
  readonly device: Device;
  readonly runners: RunnerSource;
  /** Folder for checkpoints. */
  readonly checkpoints: string;
  /** A checkpoint to go on from. */
  readonly resume: TrainingState | null;
  /** Makes a sample for the stream after a validation, or null for none. */
  readonly sample: ((tensors: TrainedTensors) => Promise<{ input: string; expected: string; output: string }>) | null;
  /** Milliseconds of a clock. */
  readonly now: () => number;
}

/** How a run ended and the weights it keeps. */
export interface TrainingOutcome extends Omit<DoneEvent, 'event' | 'adapter'> {
  readonly tensors: TrainedTensors;
}

/**
 * Trains: yields what happens and returns the weights to keep, those of the best validation loss (of the last step
 * without validation). When `signal` is aborted it stops after the current step and writes a checkpoint. The same setup
 * and seed give the same bytes, stopped and resumed or not.
 * @throws SoftpromptError training-diverged when a loss or gradient is no finite number, optimizer-unsuited
 */
export async function* train(
  given: TrainingSetup,
  signal: AbortSignal,
): AsyncGenerator<Exclude<TrainingEvent, DoneEvent>, TrainingOutcome> {
  const setup = { ...given, method: optimizedForm(given.method, given.options.optim) };
  const { method, runners, validation } = setup;
  const runner = await runners.open(method, true);
  const avoids = given.options.unlikelihood !== undefined && (given.avoided ?? []).length > 0;
  const avoider = avoids ? await runners.open(method, true, 'unlikelihood') : null;
  const validator = validation.length === 0 ? null : await runners.open(method, false);
  try {
    return yield* new Run(setup, runner, avoider, validator).go(signal);
  } finally {
    await runners.release(runner);
    if (avoider !== null) await runners.release(avoider);
    if (validator !== null) await runners.release(validator);
  }
}

/** The state of one run between its steps. */
class Run {
  readonly #setup: TrainingSetup;
  readonly #runner: LossRunner;
  readonly #validator: LossRunner | null;
  readonly #tensors: Map<string, Float32Array>;
  readonly #optimizer: Optimizer;
  readonly #memory: Map<string, Float32Array>;
  readonly #orderState: readonly number[];
  readonly #batches: Generator<readonly number[], never>;
  readonly #avoidance: Avoidance | null;
  #step: number;
  #stale: number;
  #seconds: number;
  #best: TrainingState['best'];

  constructor(setup: TrainingSetup, runner: LossRunner, avoider: LossRunner | null, validator: LossRunner | null) {
    const { resume, options, rows, method } = setup;
    this.#setup = setup;
    this.#runner = runner;
    this.#validator = validator;
    this.#tensors = copyOf(resume?.tensors ?? setup.initial);
    this.#optimizer = new Optimizer(options, method, this.#tensors, resume?.optimizer, resume?.step ?? 0);
    this.#memory = resume === null ? emptyMemory(method) : copyOf(resume.memory);
    this.#step = resume?.step ?? 0;
    this.#stale = resume?.stale ?? 0;
    this.#seconds = resume?.seconds ?? 0;
    this.#best = resume?.best ?? null;
    this.#orderState = resume?.orderState ?? Random.of(options.seed, 'order').state;
    this.#batches = batchesOf(rows, options, Random.restore(this.#orderState));
    // The batches of the steps already taken, drawn again: cheap, and the generator is then where it was.
    for (let i = 0; i < this.#step * options.gradient_accumulation_steps; i++) this.#batches.next();
    const { avoided = [], model } = setup;
    const { unlikelihood } = options;
    this.#avoidance =
      avoider === null || unlikelihood === undefined
        ? null
        : new Avoidance({ model, method, avoided, options: { ...options, unlikelihood }, runner: avoider }, this.#step);
  }

  async *go(signal: AbortSignal): AsyncGenerator<Exclude<TrainingEvent, DoneEvent>, TrainingOutcome> {
    const { options, rows, validation, method, model, device } = this.#setup;
    const total = totalSteps(options, rows.length);
    yield {
      event: 'start',
      total_steps: total,
      resumed_from: this.#step,
      epochs: total / stepsPerEpoch(options, rows.length),
      train_rows: rows.length,
      validation_rows: validation.length,
      trainable_parameters: trainedCount(method),
      total_parameters: model.parameters + (method.peftType === 'FULL' ? 0 : parameterCount(this.#tensors)),
      device,
    };
    let reason: DoneEvent['reason'] = 'finished';
    while (this.#step < total) {
      yield await this.#takeStep(total);
      const last = this.#step === total;
      if (this.#validator !== null && (last || this.#step % options.eval_steps === 0)) yield* this.#validate();
      const patience = options.early_stopping_patience;
      if (!last && patience !== undefined && this.#stale >= patience) reason = 'early_stopping';
      else if (!last && signal.aborted) reason = 'stopped';
      const saving = this.#step % (options.save_steps ?? options.eval_steps) === 0;
      if (last || saving || reason !== 'finished') yield await this.#save();
      if (reason !== 'finished') break;
    }
    return this.#outcome(reason);
  }

  async #takeStep(total: number): Promise<StepEvent> {
    const { options, rows, method, model, now } = this.#setup;
    const began = now();
    const batches: LabelledRow[][] = [];
    for (let i = 0; i < options.gradient_accumulation_steps; i++) {
      batches.push(this.#batches.next().value.map((row) => rows[row]!));
    }
    // The loss is the mean over the supervised tokens of the whole step, of all its batches together.
    const weight = batches.flat().reduce((sum, row) => sum + supervisedWeight(model.task, row, method), 0);
    const gradients = new Map<string, Float32Array>();
    let loss = 0;
    let tokens = 0;
    for (const batch of batches) {
      const result = await this.#runner.run(batch, this.#tensors, 1 / Math.max(weight, 1e-12), 1 / batches.length);
      loss += result.loss;
      tokens += result.tokens;
      for (const [name, gradient] of result.gradients) addInto(gradients, name, gradient);
    }
    const avoided = await this.#avoidance?.step(this.#tensors);
    for (const part of avoided?.gradients ?? [])
      for (const [name, gradient] of part) addInto(gradients, name, gradient);
    if (avoided !== undefined) loss += options.unlikelihood!.alpha * avoided.loss;
    tokens += avoided?.tokens ?? 0;
    const norm = gradientNorm(gradients);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
      throw new SoftpromptError('training-diverged', { step: this.#step + 1, loss, gradientNorm: norm });
    }
    const rate = learningRate(options, this.#step, total);
    const scale = clipFactor(norm, options.max_grad_norm);
    this.#optimizer.step(this.#tensors, gradients, rate, scale);
    method.afterStep?.after({ step: this.#step, tensors: this.#tensors, gradients, scale, memory: this.#memory });
    this.#step++;
    const seconds = (now() - began) / 1000;
    this.#seconds += seconds;
    const epoch = this.#step / stepsPerEpoch(options, rows.length);
    return {
      ...{ event: 'step', step: this.#step, epoch, loss, ...(avoided !== undefined && { unlikelihood: avoided.loss }) },
      ...{ learning_rate: rate, grad_norm: norm, tokens, seconds },
    };
  }

  async *#validate(): AsyncGenerator<Exclude<TrainingEvent, DoneEvent>> {
    const { validation, model, method, options, sample, now } = this.#setup;
    const began = now();
    const tensors = this.#kept();
    const loss = await meanLoss(
      this.#validator!,
      validation,
      model.task,
      method,
      tensors,
      options.per_device_train_batch_size,
    );
    const best = this.#best === null || loss < this.#best.loss;
    this.#stale = best ? 0 : this.#stale + 1;
    if (best) this.#best = { step: this.#step, loss, tensors: copyOf(tensors) };
    const seconds = (now() - began) / 1000;
    this.#seconds += seconds;
    yield { event: 'eval', step: this.#step, loss, best, seconds };
    if (sample !== null) yield { event: 'sample', step: this.#step, ...(await sample(tensors)) };
  }

  async #save(): Promise<TrainingEvent & { event: 'checkpoint' }> {
    const path = await writeCheckpoint(this.#setup.checkpoints, {
      step: this.#step,
      tensors: this.#tensors,
      optimizer: this.#optimizer.state,
      memory: this.#memory,
      best: this.#best,
      stale: this.#stale,
      seconds: this.#seconds,
      orderState: this.#orderState,
    });
    return { event: 'checkpoint', step: this.#step, path };
  }

  #outcome(reason: DoneEvent['reason']): TrainingOutcome {
    return {
      step: this.#step,
      reason,
      best_step: this.#best?.step ?? this.#step,
      best_loss: this.#best?.loss ?? null,
      seconds: this.#seconds,
      trainable_parameters: trainedCount(this.#setup.method),
      tensors: this.#best?.tensors ?? this.#kept(),
    };
  }

  /** What is kept if the run ends here. */
  #kept(): TrainedTensors {
    const { afterStep } = this.#setup.method;
    return afterStep === undefined ? this.#tensors : afterStep.kept(this.#tensors, this.#memory);
  }
}

/** Mean loss of rows over their supervised tokens, rows of like length together. */
async function meanLoss(
  runner: LossRunner,
  rows: readonly LabelledRow[],
  task: Task,
  method: Method,
  tensors: TrainedTensors,
  batchSize: number,
): Promise<number> {
  const sorted = [...rows].sort((a, b) => a.inputIds.length - b.inputIds.length);
  let loss = 0;
  let weight = 0;
  for (let i = 0; i < sorted.length; i += batchSize) {
    const batch = sorted.slice(i, i + batchSize);
    loss += (await runner.run(batch, tensors)).loss;
    for (const row of batch) weight += supervisedWeight(task, row, method);
  }
  return loss / weight;
}

function addInto(sums: Map<string, Float32Array>, name: string, addend: Float32Array): void {
  const sum = sums.get(name);
  if (sum === undefined) sums.set(name, addend);
  else for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + addend[i]!;
}

function emptyMemory({ afterStep }: Method): Map<string, Float32Array> {
  return new Map([...(afterStep?.memory ?? [])].map(([name, length]) => [name, new Float32Array(length)]));
}

function copyOf(tensors: TrainedTensors): Map<string, Float32Array> {
  return new Map([...tensors].map(([name, data]) => [name, data.slice()]));
}

function trainedCount({ trainables }: Method): number {
  return trainables.reduce((count, spec) => count + (spec.frozen ? 0 : sizeOf(spec)), 0);
}

function parameterCount(tensors: TrainedTensors): number {
  let count = 0;
  for (const data of tensors.values()) count += data.length;
  return count;
}
