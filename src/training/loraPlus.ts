import { SoftpromptError } from '../foundation/errors.ts';
import type { Method } from '../methods/method.ts';
import type { TrainableSpec } from '../models/attachment.ts';

/** Of one tensor: a factor on the learning rate, and whether it decays. */
export interface TensorRate {
  readonly factor: number;
  readonly decays: boolean;
}

/**
 * The rates of a method's tensors under LoRA+, https://arxiv.org/abs/2402.12354, as PEFT's create_loraplus_optimizer groups
 * them: B and all vectors take steps `ratio` times as large as the rest, and biases do not decay. Without a ratio all are
 * alike.
 * @throws SoftpromptError optimizer-unsuited
 */
export function tensorRates(method: Method, ratio: number | undefined): (spec: TrainableSpec) => TensorRate {
  if (ratio === undefined) return () => ({ factor: 1, decays: true });
  const { factorPairs, biases = [], peftType } = method;
  if (factorPairs === undefined) {
    throw new SoftpromptError('optimizer-unsuited', { key: 'loraplus_lr_ratio', peftType });
  }
  const quick = new Set(factorPairs.map(({ b }) => b));
  const still = new Set(biases);
  return ({ name, dims }) => ({
    factor: quick.has(name) || dims.length === 1 ? ratio : 1,
    decays: !still.has(name),
  });
}
