import type { ModelConfig } from '../checkpoint/config.ts';
import { activationOf } from './activations.ts';
import type { DecoderFamily } from './decoder.ts';
import { type LlamaDefaults, type LlamaShape, type LlamaVariant, llamaLike, llamaShape } from './llamaLike.ts';

/** Gemma: Llama with scaled token embeddings, RMS norms that multiply by 1 + weight, heads of a size of their own; https://arxiv.org/abs/2403.08295. */
export const gemma: DecoderFamily = (config) => {
  const shape = gemmaShape(config, {
    hidden: 3072,
    inner: 24_576,
    layers: 28,
    heads: 16,
    kvHeads: 16,
    vocabulary: 256_000,
    maxPositions: 8192,
  });
  return llamaLike(shape, gemmaVariant(config, shape));
};

/** Reads the keys that all Gemmas have. */
export function gemmaShape(config: ModelConfig, defaults: LlamaDefaults): LlamaShape {
  if (config.boolean('use_bidirectional_attention', false)) {
    throw config.invalid('use_bidirectional_attention', 'is true; only causal attention is supported');
  }
  return {
    ...llamaShape(config, { headDim: 256, tied: true, ...defaults }),
    // Not `hidden_act`: the first files said gelu there and meant its tanh form.
    activation: activationOf(config, 'hidden_activation', 'gelu_pytorch_tanh'),
  };
}

/** Where all Gemmas differ from Llama. */
export function gemmaVariant(config: ModelConfig, { sizes }: LlamaShape): LlamaVariant {
  const attention = config.boolean('attention_bias', false);
  return {
    bias: { qkv: attention, output: attention, mlp: false },
    normOffset: 1,
    // Rounded as the module holds it, so that a prompt made of tokens is theirs to the bit.
    embeddingScale: Math.fround(Math.sqrt(sizes.hidden)),
  };
}
