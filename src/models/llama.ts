import type { DecoderFamily } from './decoder.ts';
import { llamaLike, llamaShape } from './llamaLike.ts';

/** Llama (SmolLM2, TinyLlama ...), https://arxiv.org/abs/2302.13971. */
export const llama: DecoderFamily = (config) => {
  const attention = config.boolean('attention_bias', false);
  const shape = llamaShape(config, {
    hidden: 4096,
    inner: 11_008,
    layers: 32,
    heads: 32,
    vocabulary: 32_000,
    maxPositions: 2048,
  });
  return llamaLike(shape, { bias: { qkv: attention, output: attention, mlp: config.boolean('mlp_bias', false) } });
};
