import type { ModelConfig } from '../checkpoint/config.ts';
import { readFloat32 } from '../checkpoint/tensorReading.ts';
import { linearSites } from '../models/linearSites.ts';
import type { Model } from '../models/model.ts';
import type { Hooks } from '../models/sites.ts';
import type { Value } from '../onnx/dims.ts';
import type { InitContext, MergedTensor } from './method.ts';

/** A tensor of the checkpoint that is trained itself. */
export interface TrainedWeight {
  /** What the checkpoint calls it. */
  readonly weight: string;
  /** What the adapter file calls it. */
  readonly name: string;
  readonly dims: readonly number[];
}

/**
 * The tensors of the modules that `modules_to_save` names, by their names' ends, and of a classification's head: PEFT trains
 * and stores a copy of each, in the prompt methods under the shorter `prefix` `base_model.`.
 * @throws SoftpromptError config-key for names of no module, and for a table that two modules share
 */
export function savedModules(
  options: ModelConfig,
  model: Model,
  prefix = 'base_model.model.',
): readonly TrainedWeight[] {
  // A classification's head is trained too, whatever the configuration says: PEFT adds it to the list.
  const asked = options.optionalStrings('modules_to_save') ?? [];
  const names = [...asked, ...(model.classifier?.modules ?? [])];
  if (names.length === 0) return [];
  const { path: embedding } = model.architecture.tokenEmbedding;
  const tensors = [...[...model.weights.tensors].map(([name, { shape }]) => ({ name, shape })), ...model.untrained];
  const found = tensors.flatMap(({ name: weight, shape }) => {
    const module = weight.slice(0, weight.lastIndexOf('.'));
    if (!names.some((name) => module.endsWith(name) || module.startsWith(`${name}.`))) return [];
    if (module === embedding && linearSites(model).inHead.length === 0) {
      throw options.invalid('modules_to_save', `names ${embedding}, whose table is the output head's too`);
    }
    return [{ weight, name: `${prefix}${weight}`, dims: shape }];
  });
  if (found.length > 0) return found;
  throw options.invalid('modules_to_save', `names no module with a tensor of its own: ${names.join(', ')}`);
}

/** The hook that puts trained tensors in the place of the checkpoint's. */
export function inPlace(
  weights: readonly TrainedWeight[],
  trained: ReadonlyMap<string, Value>,
): NonNullable<Hooks['weight']> {
  const values = new Map(weights.map(({ weight, name }) => [weight, trained.get(name)!] as const));
  return (weight) => values.get(weight);
}

/** The same for the checkpoint itself. */
export function mergedInPlace(weights: readonly TrainedWeight[]): readonly (readonly [string, MergedTensor])[] {
  return weights.map(({ weight, name }) => [weight, (_, trained) => trained.get(name)!] as const);
}

/** The checkpoint's values of a tensor. */
export function baseTensor(model: Model, weight: string): Promise<Float32Array> {
  return readFloat32(model.weights.tensors.get(weight)!);
}

/**
 * First values of tensors that are trained themselves: the checkpoint's or, for a classifier that it does not hold, what
 * transformers draws (normal numbers of `initializer_range`, biases 0).
 */
export async function firstValues(
  weights: readonly TrainedWeight[],
  { model, random }: Pick<InitContext, 'model' | 'random'>,
): Promise<ReadonlyMap<string, Float32Array>> {
  const deviation = model.config.number('initializer_range', 0.02);
  const first = new Map<string, Float32Array>();
  for (const { weight, name, dims } of weights) {
    const length = dims.reduce((n, size) => n * size, 1);
    const drawn = () => Float32Array.from({ length }, () => (dims.length === 1 ? 0 : deviation * random.normal()));
    first.set(name, model.weights.tensors.has(weight) ? await baseTensor(model, weight) : drawn());
  }
  return first;
}
