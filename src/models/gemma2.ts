import type { DecoderFamily } from './decoder.ts';
import { gemmaShape, gemmaVariant } from './gemma.ts';
import { layerWindows, slidingWindow } from './layerTypes.ts';
import { llamaLike } from './llamaLike.ts';
import { readSoftCap } from './softCap.ts';

/** Gemma 2: Gemma with norms around every sub-block, soft caps, a sliding window in every other layer; https://arxiv.org/abs/2408.00118. */
export const gemma2: DecoderFamily = (config) => {
  const shape = gemmaShape(config, {
    hidden: 2304,
    inner: 9216,
    layers: 26,
    heads: 8,
    kvHeads: 4,
    vocabulary: 256_000,
    maxPositions: 8192,
  });
  const softCaps = {
    attention: readSoftCap(config, 'attn_logit_softcapping', 50),
    logits: readSoftCap(config, 'final_logit_softcapping', 30),
  };
  return llamaLike(shape, {
    ...gemmaVariant(config, shape),
    blockNorms: 'around',
    softCaps,
    attentionScale: config.count('query_pre_attn_scalar', 256) ** -0.5,
    windows: layerWindows(config, shape.sizes.layers, slidingWindow(config, 4096), (layer) => layer % 2 === 0),
  });
};
