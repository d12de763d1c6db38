import type { Value } from '../onnx/dims.ts';
import { activationOf } from './activations.ts';
import { attend } from './attention.ts';
import { type Decoder, type DecoderFamily, mostLayers, type WeightSpec } from './decoder.ts';
import { outputHead } from './outputHead.ts';
import { atEnd } from './sites.ts';
import { layerNormWeights, linearWeights } from './weightSpecs.ts';

/** The first row of the table of positions that a token can have: two are left over from fairseq's padding. */
const firstPosition = 2;

/**
 * OPT: learned positions, layer norm before or (350m) after each sub-block, token embeddings that may be narrower than
 * the layers; https://arxiv.org/abs/2205.01068.
 */
export const opt: DecoderFamily = (config): Decoder => {
  const hidden = config.count('hidden_size', 768);
  const width = config.count('word_embed_proj_dim', hidden);
  const inner = config.count('ffn_dim', 3072);
  const layers = config.count('num_hidden_layers', 12, mostLayers);
  const heads = config.count('num_attention_heads', 12);
  const vocabulary = config.count('vocab_size', 50_272);
  const maxPositions = config.count('max_position_embeddings', 2048);
  const activation = activationOf(config, 'activation_function', 'relu');
  const normBefore = config.boolean('do_layer_norm_before', true);
  const finalNorm = normBefore && !config.boolean('_remove_final_layer_norm', false);
  const tied = config.boolean('tie_word_embeddings', true);
  const bias = { bias: config.boolean('enable_bias', true) };
  const headDim = hidden / heads;
  if (!Number.isInteger(headDim)) {
    throw config.invalid('num_attention_heads', `is ${heads}, which does not divide hidden_size (${hidden})`);
  }
  if (!config.boolean('layer_norm_elementwise_affine', true)) {
    throw config.invalid('layer_norm_elementwise_affine', 'is false; layer norms without weights are not supported');
  }
  const sizes = { vocabulary, hidden, layers, heads, kvHeads: heads, headDim, maxPositions };
  const epsilon = 1e-5;
  const projected = width !== hidden;
  const unbiased = { bias: false };

  const layerWeights = (at: string): readonly WeightSpec[] => [
    ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((name) =>
      linearWeights(`${at}.self_attn.${name}`, hidden, hidden, bias),
    ),
    ...layerNormWeights(`${at}.self_attn_layer_norm`, hidden),
    ...linearWeights(`${at}.fc1`, inner, hidden, bias),
    ...linearWeights(`${at}.fc2`, hidden, inner, bias),
    ...layerNormWeights(`${at}.final_layer_norm`, hidden),
  ];

  return {
    kind: 'decoder',
    sizes,
    tokenEmbedding: { path: 'model.decoder.embed_tokens', width, scale: 1 },
    basePrefix: 'model.',
    ignored: null,
    weights: [
      { name: 'model.decoder.embed_tokens.weight', shape: [vocabulary, width] },
      { name: 'model.decoder.embed_positions.weight', shape: [maxPositions + firstPosition, hidden] },
      ...(projected ? linearWeights('model.decoder.project_in', hidden, width, unbiased) : []),
      ...Array.from({ length: layers }, (_, i) => layerWeights(`model.decoder.layers.${i}`)).flat(),
      ...(finalNorm ? layerNormWeights('model.decoder.final_layer_norm', hidden) : []),
      ...(projected ? linearWeights('model.decoder.project_out', width, hidden, unbiased) : []),
      { name: 'lm_head.weight', shape: [vocabulary, width], optional: tied },
    ],
    begin: (scope, x, segment) => {
      const { b } = scope;
      const wide = projected ? scope.linear('model.decoder.project_in', x) : x;
      const positions = b.add(b.reshape(segment.positions, [x.dims[0]!]), b.integers([firstPosition]));
      return { x: b.add(wide, scope.embedding('model.decoder.embed_positions', positions)), rotary: () => null };
    },
    layer: (scope, i, x, segment) => {
      const { b } = scope;
      const at = `model.decoder.layers.${i}`;
      const before = (norm: string, y: Value) => (normBefore ? scope.layerNorm(`${at}.${norm}`, y, epsilon) : y);
      const after = (norm: string) =>
        normBefore ? {} : { postNorm: (y: Value) => scope.layerNorm(`${at}.${norm}`, y, epsilon) };

      const normed = before('self_attn_layer_norm', x);
      const q = scope.linear(`${at}.self_attn.q_proj`, normed, bias);
      const k = scope.linear(`${at}.self_attn.k_proj`, normed, bias);
      const v = scope.linear(`${at}.self_attn.v_proj`, normed, bias);
      const mixed = attend(scope, segment, q, k, v, { layer: i, sizes, scale: headDim ** -0.5, rotary: null });
      const attended = scope.linear(`${at}.self_attn.out_proj`, mixed, bias);
      const attentionSite = { layer: i, ...atEnd(at, 'attention'), ...after('self_attn_layer_norm') };
      const middle = scope.subBlock(attentionSite, x, attended);
      const inside = activation(b, scope.linear(`${at}.fc1`, before('final_layer_norm', middle), bias));
      const fed = scope.linear(`${at}.fc2`, inside, bias);
      return scope.subBlock({ layer: i, ...atEnd(at, 'mlp'), ...after('final_layer_norm') }, middle, fed);
    },
    final: (scope, x) => {
      const normed = finalNorm ? scope.layerNorm('model.decoder.final_layer_norm', x, epsilon) : x;
      return projected ? scope.linear('model.decoder.project_out', normed) : normed;
    },
    headModule: 'lm_head',
    head: (scope, x) => outputHead(scope, 'lm_head', 'model.decoder.embed_tokens', x),
  };
};
