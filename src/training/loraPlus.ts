import { SoftpromptError } from '../foundation/errors.ts';
import type { Method } from '../methods/method.ts';
import type { TrainableSpec } from '../models/attachment.ts';
import type { TrainingOptions } from './options.ts';

/** Of one tensor: a factor on the learning rate, and whether it decays. */
export interface TensorRate {
  readonly factor: number;
  readonly decays: boolean;
}

/**
 * The rates of a method's tensors under LoRA+, https://arxiv.org/abs/2402.12354, as PEFT's create_loraplus_optimizer groups
 * them: B and all vectors take steps `loraplus_lr_ratio` times as large as the rest, paths beside embedding tables have a
 * rate of their own, and biases do not decay. Without a ratio all are alike.
 * @throws SoftpromptError optimizer-unsuited
 */
export function tensorRates(method: Method, options: TrainingOptions): (spec: TrainableSpec) => TensorRate {
  const { loraplus_lr_ratio: ratio, loraplus_lr_embedding: embeddingRate = 1e-6, learning_rate: rate } = options;
  const over = (own: number) => (rate === 0 ? 0 : own / rate);
  const ownFactor = (name: string) => {
    const own = method.rates?.get(name);
    return own === undefined ? 1 : over(own);
  };
  if (ratio === undefined) return ({ name }) => ({ factor: ownFactor(name), decays: true });
  const { factorPairs, embeddingPairs = [], biases = [], peftType } = method;
  if (factorPairs === undefined) {
    throw new SoftpromptError('optimizer-unsuited', { key: 'loraplus_lr_ratio', peftType });
  }
  const quick = new Set(factorPairs.map(({ b }) => b));
  const still = new Set(biases);
  const ofEmbeddings = new Set(embeddingPairs.flatMap(({ a, b }) => [a, b]));
  const factor = ({ name, dims }: TrainableSpec) => {
    if (ofEmbeddings.has(name)) return over(embeddingRate);
    return ownFactor(name) * (quick.has(name) || dims.length === 1 ? ratio : 1);
  };
  return (spec) => ({ factor: factor(spec), decays: !still.has(spec.name) });
}
