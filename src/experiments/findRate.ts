import { trainingForm } from '../methods/promptEncoder.ts';
import { rateRange, type TriedRate } from '../training/rateRange.ts';
import { readExperimentRows } from './experimentRows.ts';
import type { Experiment } from './schema.ts';
import { startingPoint } from './startingPoint.ts';
import type { PlaceOf } from './trainingPlace.ts';

/** How far around the method's own rate is searched: a factor down and one up. */
const around = { down: 300, up: 30 } as const;

/**
 * Searches the learning rates around that of an experiment: what its method has by default, unless the file says another one.
 * Soft prompts, whose band lies a thousand times above that of weights, are searched in theirs.
 */
export async function* findRate(
  placeOf: PlaceOf,
  experiment: Experiment,
  { rates, steps }: { readonly rates: number; readonly steps: number },
  signal: AbortSignal,
): AsyncGenerator<TriedRate, void> {
  const { model, runners } = await placeOf(experiment);
  const { method: configured, initial } = await startingPoint(experiment, model);
  const method = trainingForm(configured.forRun?.(steps) ?? configured);
  const { train: rows } = await readExperimentRows(experiment, model, method);
  const { learning_rate: rate } = experiment.training;
  const range = { lowest: rate / around.down, highest: rate * around.up, rates, steps };
  const { task } = experiment;
  yield* rateRange(
    { method, initial: await initial(), rows, task, options: experiment.training, runners, ...range },
    signal,
  );
}
