import type { DecoderFamily } from './decoder.ts';
import { llamaLike, llamaShape } from './llamaLike.ts';
import { qwenWindows } from './qwen2.ts';

/** Qwen3: Llama with an RMS norm of each head's query and key, and heads of a size of their own; https://arxiv.org/abs/2505.09388. */
export const qwen3: DecoderFamily = (config) => {
  const attention = config.boolean('attention_bias', false);
  const shape = llamaShape(config, {
    hidden: 4096,
    inner: 22_016,
    layers: 32,
    heads: 32,
    kvHeads: 32,
    headDim: 128,
    vocabulary: 151_936,
    maxPositions: 32_768,
  });
  return llamaLike(shape, {
    bias: { qkv: attention, output: attention, mlp: false },
    queryKeyNorms: 'head',
    windows: qwenWindows(config, shape.sizes.layers),
  });
};
