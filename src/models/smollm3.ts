import type { ModelConfig } from '../checkpoint/config.ts';
import type { DecoderFamily } from './decoder.ts';
import { layerWindows, slidingWindow } from './layerTypes.ts';
import { llamaLike, llamaShape } from './llamaLike.ts';

/** SmolLM3: Llama in which every fourth layer knows no positions (NoPE, https://arxiv.org/abs/2501.18795). */
export const smollm3: DecoderFamily = (config) => {
  const attention = config.boolean('attention_bias', false);
  const shape = llamaShape(config, {
    hidden: 2048,
    inner: 11_008,
    layers: 36,
    heads: 16,
    kvHeads: 4,
    vocabulary: 128_256,
    maxPositions: 32_768,
    theta: 2_000_000,
    tied: true,
  });
  const { layers } = shape.sizes;
  const rotates = rotatingLayers(config, layers);
  const window = config.boolean('use_sliding_window', false)
    ? slidingWindow(config, Number.POSITIVE_INFINITY)
    : Number.POSITIVE_INFINITY;
  return llamaLike(shape, {
    bias: { qkv: attention, output: attention, mlp: config.boolean('mlp_bias', false) },
    rotary: (layer) => (rotates(layer) ? shape.rotary : null),
    windows: layerWindows(config, layers, window, (layer) => !rotates(layer)),
  });
};

/** Which layers rotate: `no_rope_layers` holds 1 where one does. */
function rotatingLayers(config: ModelConfig, layers: number): (layer: number) => boolean {
  const interval = config.count('no_rope_layer_interval', 4);
  const given = config.optionalNumbers('no_rope_layers');
  if (given === undefined) return (layer) => (layer + 1) % interval !== 0;
  if (given.length < layers) throw config.invalid('no_rope_layers', `has ${given.length} entries for ${layers} layers`);
  return (layer) => given[layer] !== 0;
}
