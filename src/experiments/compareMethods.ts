import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArmResult, EvaluationProgress, EvaluationResult } from '../evaluation/result.ts';
import { explain, isAbort, SoftpromptError } from '../foundation/errors.ts';
import { type PeftType, peftTypes } from '../methods/method.ts';
import type { StepEvent, TrainingEvent } from '../training/events.ts';
import { saveComparison } from './comparisonStore.ts';
import type { Environment } from './environment.ts';
import { type EvaluationEngine, evaluateExperiment } from './evaluateExperiment.ts';
import { type LoadedExperiment, restoreExperiment } from './experimentFile.ts';
import { claimFolder } from './runs.ts';
import type { Experiment } from './schema.ts';
import { isMapping, withSetting } from './settings.ts';
import type { TrainingEngine } from './trainExperiment.ts';
import { trainingSpeed } from './trainingSpeed.ts';

/** What each method may spend: steps of the optimiser, seconds of such steps, or what the experiment's schedule says. */
export type MethodBudget = { readonly steps: number } | { readonly seconds: number } | null;

/** How one method's training went. */
export interface MethodTraining {
  readonly method: string;
  /** The adapter's folder; null where the training failed. */
  readonly adapter: string | null;
  readonly learning_rate: number;
  readonly steps: number;
  /** Of steps and validations. */
  readonly seconds: number;
  readonly tokens_per_second: number | null;
  /** Most bytes of the process in memory after a step. */
  readonly memory_bytes: number;
  readonly error: string | null;
}

/** How far a comparison is. */
export type ComparisonProgress =
  | { readonly method: string; readonly event: TrainingEvent }
  | { readonly trained: MethodTraining }
  | { readonly evaluated: EvaluationProgress };

/** Methods compared: their trainings, and all of them as arms on the same test rows. */
export interface MethodComparison {
  readonly trainings: readonly MethodTraining[];
  readonly evaluation: EvaluationResult;
}

/** Methods that a comparison takes when it is not told which: one or two of each kind, with the experiment's own first. */
const usualMethods: readonly PeftType[] = ['PROMPT_TUNING', 'P_TUNING', 'PREFIX_TUNING', 'LORA', 'IA3', 'LN_TUNING'];

/** Keys of `training` that are meant for one method; another one gets its own defaults. */
const ownKeys = ['learning_rate', 'optim', 'adam_epsilon', 'loraplus_lr_ratio', 'loraplus_lr_embedding'];

/** Steps that are timed before a budget of seconds is made one of steps, the first of which does not count. */
const timedSteps = 4;

/**
 * The experiment with each method in the place of its own: the method of the file keeps its keys, others have their defaults.
 * @throws SoftpromptError option-invalid for a name that is none; experiment-invalid
 */
export function methodExperiments(
  loaded: LoadedExperiment,
  names: readonly string[] | null,
  budget: MethodBudget,
): readonly { readonly method: string; readonly loaded: LoadedExperiment }[] {
  const own = loaded.experiment.method.peft_type;
  const wanted = names ?? [own, ...usualMethods];
  return [...new Set(wanted)].map((method) => {
    const known = peftTypes.some((name) => name === method && (name !== 'UNION' || own === 'UNION'));
    if (!known) {
      const todo = `Methods: ${peftTypes.filter((name) => name !== 'UNION').join(', ')}.`;
      throw new SoftpromptError('option-invalid', { option: '--methods', problem: `${method} is none`, todo });
    }
    const steps = budget !== null && 'steps' in budget ? [['training.max_steps', budget.steps] as const] : [];
    const others = method === own ? [] : ownKeys.map((key) => [`training.${key}`, null] as const);
    const written = [['sweep', null] as const, ...others, ...steps].reduce<Readonly<Record<string, unknown>>>(
      // A key that is not there needs no mapping made for it.
      (object, [key, value]) =>
        value === null && !hasKey(object, key) ? object : withSetting(object, key.split('.'), value),
      method === own ? loaded.written : { ...loaded.written, method: { peft_type: method } },
    );
    return { method, loaded: restoreExperiment(written, loaded.file) };
  });
}

function hasKey(object: unknown, key: string): boolean {
  const [first, ...rest] = key.split('.');
  if (!isMapping(object) || !Object.hasOwn(object, first!)) return false;
  return rest.length === 0 || hasKey(object[first!], rest.join('.'));
}

/**
 * Trains an experiment's rows with each of some methods, all from the same seed and under the same budget, and evaluates all
 * of them on its test rows. A method that cannot be trained says why and leaves the others alone. Adapters and figures stay in the
 * store's folder comparisons/; of a comparison that is cancelled nothing does.
 * @throws SoftpromptError test-rows-missing
 */
export async function* compareMethods(
  engines: ComparisonEngines,
  request: {
    readonly store: string;
    readonly loaded: LoadedExperiment;
    readonly methods: ReturnType<typeof methodExperiments>;
    readonly budget: MethodBudget;
  },
  signal: AbortSignal,
  env: Environment,
): AsyncGenerator<ComparisonProgress, MethodComparison> {
  const { store, loaded, methods, budget } = request;
  if (loaded.experiment.data.test === undefined) throw new SoftpromptError('test-rows-missing', { file: loaded.file });
  const inside = join(store, 'comparisons');
  const started = env.now();
  const id = await claimFolder(inside, loaded.name, started, env.random);
  const folder = join(inside, id);
  try {
    const trainings: MethodTraining[] = [];
    for (const one of methods) {
      const trained = yield* trainMethod(engines, one, join(folder, one.method), budget, signal);
      trainings.push(trained);
      yield { trained };
    }
    const adapters = trainings.flatMap(({ method, adapter }) =>
      adapter === null ? [] : [{ label: method, dir: adapter }],
    );
    const asked = evaluateExperiment(engines.evaluation, { store, loaded, adapters, runId: null }, signal, env);
    let next = await asked.next();
    for (; !next.done; next = await asked.next()) yield { evaluated: next.value };
    const { arms } = next.value;
    const evaluation = { ...next.value, arms: arms.map((arm) => withFigures(arm, trainings)) };
    const record = { id, name: loaded.name, experiment: loaded.file, started: started.toISOString(), trainings };
    await saveComparison(store, record, evaluation);
    return { trainings, evaluation };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** An arm with speed and time of the training that made its adapter. */
function withFigures(arm: ArmResult, trainings: readonly MethodTraining[]): ArmResult {
  const training = trainings.find(({ adapter }) => adapter !== null && adapter === arm.detail);
  if (training === undefined) return arm;
  const { seconds, tokens_per_second: speed } = training;
  return { ...arm, training_seconds: seconds, ...(speed !== null && { training_tokens_per_second: speed }) };
}

/** What a comparison works with. */
export interface ComparisonEngines {
  readonly training: TrainingEngine;
  readonly evaluation: EvaluationEngine;
  /** Bytes of the process that are in memory. */
  readonly residentBytes: () => number;
  /** Finds the learning rate of each; null takes those of the experiment and the methods. */
  readonly rateOf: ((experiment: Experiment, signal: AbortSignal) => Promise<number | null>) | null;
}

async function* trainMethod(
  engines: ComparisonEngines,
  { method, loaded: asWritten }: ReturnType<typeof methodExperiments>[number],
  adapter: string,
  budget: MethodBudget,
  signal: AbortSignal,
): AsyncGenerator<ComparisonProgress, MethodTraining> {
  const { learning_rate } = asWritten.experiment.training;
  const nothing = {
    method,
    adapter: null,
    learning_rate,
    steps: 0,
    seconds: 0,
    tokens_per_second: null,
    memory_bytes: 0,
  };
  try {
    const rate = (await engines.rateOf?.(asWritten.experiment, signal)) ?? learning_rate;
    const loaded = withTraining(asWritten, 'learning_rate', rate);
    const steps =
      budget !== null && 'seconds' in budget ? await stepsIn(engines, loaded, adapter, budget.seconds, signal) : null;
    const { experiment } = steps === null ? loaded : withTraining(loaded, 'max_steps', steps);
    const events: TrainingEvent[] = [];
    let memory = 0;
    for await (const event of trained(engines.training, experiment, adapter, signal)) {
      memory = Math.max(memory, engines.residentBytes());
      events.push(event);
      yield { method, event };
    }
    signal.throwIfAborted();
    const done = events.find((event) => event.event === 'done')!;
    const figures = { steps: done.step, seconds: done.seconds, tokens_per_second: trainingSpeed(events) };
    return { ...nothing, ...figures, learning_rate: rate, adapter, memory_bytes: memory, error: null };
  } catch (error) {
    if (isAbort(error)) throw error;
    await rm(adapter, { recursive: true, force: true });
    return { ...nothing, error: explain(error).what };
  }
}

function withTraining(loaded: LoadedExperiment, key: string, value: number): LoadedExperiment {
  return restoreExperiment(withSetting(loaded.written, ['training', key], value), loaded.file);
}

/** As many steps as such a method takes in some seconds: a whole schedule, not one that is cut off. */
async function stepsIn(
  { training }: Pick<ComparisonEngines, 'training'>,
  loaded: LoadedExperiment,
  adapter: string,
  seconds: number,
  signal: AbortSignal,
): Promise<number> {
  const tried = withTraining(loaded, 'max_steps', timedSteps);
  const steps: StepEvent[] = [];
  for await (const event of trained(training, tried.experiment, adapter, signal)) {
    if (event.event === 'step') steps.push(event);
  }
  signal.throwIfAborted();
  const counted = steps.slice(1);
  const each = counted.reduce((sum, step) => sum + step.seconds, 0) / counted.length;
  return Math.max(1, Math.round(seconds / each));
}

/** Trains into an empty folder. */
async function* trained(
  engine: TrainingEngine,
  experiment: Experiment,
  adapterFolder: string,
  signal: AbortSignal,
): AsyncGenerator<TrainingEvent> {
  const checkpoints = `${adapterFolder}.checkpoints`;
  await rm(adapterFolder, { recursive: true, force: true });
  await mkdir(adapterFolder, { recursive: true });
  try {
    yield* engine.train({ experiment, checkpoints, adapterFolder, resume: false, quiet: true }, signal);
  } finally {
    await rm(checkpoints, { recursive: true, force: true });
  }
}
