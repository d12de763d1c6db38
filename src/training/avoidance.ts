import { planBatches } from '../data/batches.ts';
import { Random } from '../foundation/random.ts';
import type { LossRunner } from '../inference/lossRunner.ts';
import type { Method, TrainedTensors } from '../methods/method.ts';
import type { LabelledRow } from '../models/labelledRow.ts';
import type { Model } from '../models/model.ts';
import { supervisedWeight } from '../models/supervision.ts';
import type { TrainingOptions } from './options.ts';

/** What is avoided, and by what. */
export interface AvoidanceSetup {
  readonly model: Model;
  readonly method: Method;
  readonly avoided: readonly LabelledRow[];
  readonly options: TrainingOptions & { readonly unlikelihood: { readonly alpha: number } };
  /** Of the objective `unlikelihood`, with gradients. */
  readonly runner: LossRunner;
}

/**
 * The other half of unlikelihood training (Welleck et al. 2019, https://arxiv.org/abs/1908.04319): beside the batches of each step as many
 * of rows whose supervised tokens are to become unlikely. Their order is a function of seed and step.
 */
export class Avoidance {
  readonly #setup: AvoidanceSetup;
  readonly #batches: Generator<readonly number[], never>;

  /** @param taken steps that were taken before */
  constructor(setup: AvoidanceSetup, taken: number) {
    const { avoided, options } = setup;
    this.#setup = setup;
    const order = Random.of(options.seed, 'avoided');
    this.#batches = batchesOf(avoided, options, order);
    for (let i = 0; i < taken * options.gradient_accumulation_steps; i++) this.#batches.next();
  }

  /**
   * One step's part: the mean over its avoided tokens of -log(1 - p), and gradients of alpha times that; 0 where no token of them
   * is supervised.
   */
  async step(
    tensors: TrainedTensors,
  ): Promise<{ loss: number; tokens: number; gradients: readonly ReadonlyMap<string, Float32Array>[] }> {
    const { model, method, avoided, options, runner } = this.#setup;
    const { alpha } = options.unlikelihood;
    const batches = Array.from({ length: options.gradient_accumulation_steps }, () =>
      this.#batches.next().value.map((row) => avoided[row]!),
    );
    const weight = batches.flat().reduce((sum, row) => sum + supervisedWeight(model.task, row, method), 0);
    const gradients: ReadonlyMap<string, Float32Array>[] = [];
    let [loss, tokens] = [0, 0];
    for (const batch of batches) {
      // A method's penalty goes with the rows that are learnt.
      const result = await runner.run(batch, tensors, alpha / Math.max(weight, 1e-12), 0);
      loss += result.loss / alpha;
      tokens += result.tokens;
      gradients.push(result.gradients);
    }
    return { loss, tokens, gradients };
  }
}

/** The batches of some rows, one after another without end. */
export function batchesOf(
  rows: readonly LabelledRow[],
  options: TrainingOptions,
  order: Random,
): Generator<readonly number[], never> {
  return planBatches({
    lengths: rows.map((row) => row.inputIds.length),
    batchSize: options.per_device_train_batch_size,
    random: () => order.uniform(),
    shuffle: options.shuffle,
  });
}
