import type { DecoderFamily } from './decoder.ts';
import { llamaLike, llamaShape } from './llamaLike.ts';

/**
 * OLMo 2: Llama with norms after the sub-blocks in the place of those before, and RMS norms over all heads of the queries
 * and of the keys; https://arxiv.org/abs/2501.00656.
 */
export const olmo2: DecoderFamily = (config) => {
  const attention = config.boolean('attention_bias', false);
  const shape = llamaShape(config, {
    hidden: 4096,
    inner: 11_008,
    layers: 32,
    heads: 32,
    vocabulary: 50_304,
    maxPositions: 2048,
    epsilon: 1e-5,
  });
  return llamaLike(shape, {
    bias: { qkv: attention, output: attention, mlp: false },
    queryKeyNorms: 'projection',
    blockNorms: 'after',
  });
};
