import type { ModelConfig } from '../checkpoint/config.ts';
import type { DecoderFamily } from './decoder.ts';
import { layerWindows, slidingWindow } from './layerTypes.ts';
import { llamaLike, llamaShape } from './llamaLike.ts';

/** Qwen2 and Qwen2.5: Llama with biases on query, key and value; https://arxiv.org/abs/2407.10671. */
export const qwen2: DecoderFamily = (config) => {
  const shape = llamaShape(config, {
    hidden: 4096,
    inner: 22_016,
    layers: 32,
    heads: 32,
    kvHeads: 32,
    vocabulary: 151_936,
    maxPositions: 32_768,
  });
  return llamaLike(shape, {
    bias: { qkv: true, output: false, mlp: false },
    windows: qwenWindows(config, shape.sizes.layers),
  });
};

/** Qwen's sliding windows: off unless asked for, and then in the upper layers. */
export function qwenWindows(config: ModelConfig, layers: number): readonly number[] {
  const window = config.boolean('use_sliding_window', false) ? slidingWindow(config, 4096) : Number.POSITIVE_INFINITY;
  const full = config.integer('max_window_layers', 28);
  return layerWindows(config, layers, window, (layer) => layer >= full);
}
