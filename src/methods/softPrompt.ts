import type { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import type { Model } from '../models/model.ts';
import type { MethodShape } from './method.ts';
import { promptConfig } from './promptConfig.ts';
import { promptEmbeddings } from './promptEncoder.ts';

/** Virtual tokens `[count, width]` in the place of token embeddings, whatever trains them. */
export interface SoftPrompt {
  readonly count: number;
  readonly width: number;
  readonly shape: MethodShape;
  /** The keys of adapter_config.json that do not depend on the training. */
  readonly config: JsonObject;
}

/** The soft prompt that a configuration asks for. @throws SoftpromptError config-key */
export function softPrompt(options: ModelConfig, model: Model): SoftPrompt {
  const { width } = model.architecture.tokenEmbedding;
  const { count, config } = promptConfig(options, model, {
    heads: model.architecture.sizes.heads,
    width,
    what: 'embeddings',
  });
  return { count, width, shape: softPromptShape(count, width), config };
}

/** How so many virtual tokens of a width act. */
export function softPromptShape(count: number, width: number): MethodShape {
  return {
    structure: 'soft prompt',
    virtualTokens: count,
    virtualHidden: true,
    virtualOnly: true,
    trainables: [{ name: promptEmbeddings, dims: [count, width], graphDims: ['virtual', width] }],
    hooks: (trained) => ({ virtualTokens: () => trained.get(promptEmbeddings)! }),
  };
}
