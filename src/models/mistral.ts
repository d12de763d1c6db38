import type { DecoderFamily } from './decoder.ts';
import { slidingWindow } from './layerTypes.ts';
import { llamaLike, llamaShape } from './llamaLike.ts';

/** Mistral: Llama with a sliding window in every layer (none since version 0.2); https://arxiv.org/abs/2310.06825. */
export const mistral: DecoderFamily = (config) => {
  const shape = llamaShape(config, {
    hidden: 4096,
    inner: 14_336,
    layers: 32,
    heads: 32,
    kvHeads: 8,
    vocabulary: 32_000,
    maxPositions: 131_072,
  });
  return llamaLike(shape, {
    bias: { qkv: false, output: false, mlp: false },
    windows: new Array<number>(shape.sizes.layers).fill(slidingWindow(config, 4096)),
  });
};
