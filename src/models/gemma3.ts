import type { DecoderFamily } from './decoder.ts';
import { gemmaShape, gemmaVariant } from './gemma.ts';
import { layerWindows, slidingWindow } from './layerTypes.ts';
import { llamaLike } from './llamaLike.ts';
import { readRotary } from './rotaryEmbedding.ts';
import { readSoftCap } from './softCap.ts';

/**
 * Gemma 3's language model: Gemma 2 with norms of each head's query and key in the place of soft caps, five layers with a
 * sliding window to one without, and slower rotation in those without; https://arxiv.org/abs/2503.19786.
 */
export const gemma3: DecoderFamily = (config) => {
  // Since transformers 5 each type of layer has rotary parameters of its own; before, the sliding layers had a key.
  const rotary = config.optionalObject('rope_parameters');
  const shape = gemmaShape(config, {
    hidden: 2304,
    inner: 9216,
    layers: 26,
    heads: 8,
    kvHeads: 4,
    vocabulary: 262_208,
    maxPositions: 131_072,
    theta: 1_000_000,
    ...(rotary && { parameters: rotary.object('full_attention') }),
  });
  const { layers, headDim } = shape.sizes;
  const slidingRotary = readRotary(config, headDim, {
    maxPositions: 131_072,
    thetaKey: 'rope_local_base_freq',
    parameters: rotary?.object('sliding_attention') ?? null,
  });
  if (slidingRotary.frequenciesOf !== undefined) {
    throw config.invalid('rope_type', 'of the sliding layers depends on the length of a row; that is not supported');
  }
  const pattern = config.count(['sliding_window_pattern', '_sliding_window_pattern'], 6);
  const window = slidingWindow(config, 4096);
  if (window === Number.POSITIVE_INFINITY) throw config.invalid('sliding_window', 'is null; this family needs one');
  const windows = layerWindows(config, layers, window, (layer) => (layer + 1) % pattern !== 0);
  return llamaLike(shape, {
    ...gemmaVariant(config, shape),
    queryKeyNorms: 'head',
    blockNorms: 'around',
    softCaps: {
      attention: readSoftCap(config, 'attn_logit_softcapping', null),
      logits: readSoftCap(config, 'final_logit_softcapping', null),
    },
    attentionScale: config.count('query_pre_attn_scalar', 256) ** -0.5,
    windows,
    rotary: (layer) => (windows[layer] === Number.POSITIVE_INFINITY ? shape.rotary : slidingRotary),
  });
};
