import type { ModelConfig } from '../checkpoint/config.ts';
import type { Model } from '../models/model.ts';
import type { LinearSite } from '../models/sites.ts';
import type { TrainedWeight } from './savedModules.ts';

/** Which of a model's own biases are trained and stored beside an adapter on some layers; PEFT's names. */
const kinds = {
  none: () => [],
  /** Those of the layers it acts on. */
  lora_only: (_, sites) => sites.flatMap(({ path, hasBias }) => (hasBias ? [`${path}.bias`] : [])),
  /** All there are. */
  all: (model) => [...model.weights.tensors.keys()].filter((name) => name.endsWith('.bias')),
} satisfies Record<string, (model: Model, sites: readonly LinearSite[]) => readonly string[]>;

/**
 * The biases that `bias` trains. PEFT wraps the layers it acts on, so that theirs are called otherwise.
 * @throws SoftpromptError config-key
 */
export function trainedBiases(
  options: ModelConfig,
  model: Model,
  sites: readonly LinearSite[],
): readonly TrainedWeight[] {
  const kind = options.string('bias', 'none');
  if (!Object.hasOwn(kinds, kind)) {
    throw options.invalid('bias', `is "${kind}"; known are ${Object.keys(kinds).join(', ')}`);
  }
  const wrapped = new Set(sites.map(({ path }) => path));
  return kinds[kind as keyof typeof kinds](model, sites).map((weight) => {
    const path = weight.slice(0, -'.bias'.length);
    const name = `base_model.model.${path}.${wrapped.has(path) ? 'base_layer.' : ''}bias`;
    return { weight, name, dims: model.weights.tensors.get(weight)!.shape };
  });
}
