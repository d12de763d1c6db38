import type { DecoderFamily } from './decoder.ts';
import { slidingWindow } from './layerTypes.ts';
import { llamaLike, llamaShape } from './llamaLike.ts';

/** Phi-3: Llama with one matrix for query, key and value and one for gate and up; https://arxiv.org/abs/2404.14219. */
export const phi3: DecoderFamily = (config) => {
  const shape = llamaShape(config, {
    hidden: 3072,
    inner: 8192,
    layers: 32,
    heads: 32,
    vocabulary: 32_064,
    maxPositions: 4096,
    epsilon: 1e-5,
    originalPositions: 4096,
    // What longrope was called in the first files.
    typeNames: { su: 'longrope', yarn: 'longrope' },
  });
  return llamaLike(shape, {
    bias: { qkv: false, output: false, mlp: false },
    fused: true,
    windows: new Array<number>(shape.sizes.layers).fill(slidingWindow(config, Number.POSITIVE_INFINITY)),
  });
};
