import { activationOf } from './activations.ts';
import { attend } from './attention.ts';
import { type Decoder, type DecoderFamily, mostLayers, type WeightSpec } from './decoder.ts';
import { readRotary, rotarySizes } from './rotaryEmbedding.ts';
import { rotaryTables } from './rotaryTables.ts';
import { atEnd } from './sites.ts';
import { layerNormWeights, linearWeights } from './weightSpecs.ts';

/**
 * Phi (1, 1.5, 2): part of every head rotates, attention and MLP side by side after one norm, every linear layer has a
 * bias, the output head too; https://arxiv.org/abs/2309.05463.
 */
export const phi: DecoderFamily = (config): Decoder => {
  const hidden = config.count('hidden_size', 2048);
  const inner = config.count('intermediate_size', 8192);
  const layers = config.count('num_hidden_layers', 24, mostLayers);
  const heads = config.count('num_attention_heads', 32);
  const kvHeads = config.count('num_key_value_heads', heads);
  const vocabulary = config.count('vocab_size', 51_200);
  const epsilon = config.number('layer_norm_eps', 1e-5);
  const activation = activationOf(config, 'hidden_act', 'gelu_new');
  const headDim = hidden / heads;
  if (!Number.isInteger(headDim)) {
    throw config.invalid('num_attention_heads', `is ${heads}, which does not divide hidden_size (${hidden})`);
  }
  if (heads % kvHeads !== 0) {
    throw config.invalid('num_key_value_heads', `is ${kvHeads}, which does not divide the ${heads} attention heads`);
  }
  if (config.boolean('qk_layernorm', false)) {
    throw config.invalid('qk_layernorm', 'is true; norms of queries and keys are not supported in this family');
  }
  const rotary = readRotary(config, headDim, { maxPositions: 2048, partial: 0.5 });
  const sizes = { vocabulary, hidden, layers, heads, kvHeads, headDim, ...rotarySizes(rotary) };
  const biased = { bias: true };

  const layerWeights = (at: string): readonly WeightSpec[] => [
    ...layerNormWeights(`${at}.input_layernorm`, hidden),
    ...linearWeights(`${at}.self_attn.q_proj`, hidden, hidden, biased),
    ...linearWeights(`${at}.self_attn.k_proj`, kvHeads * headDim, hidden, biased),
    ...linearWeights(`${at}.self_attn.v_proj`, kvHeads * headDim, hidden, biased),
    ...linearWeights(`${at}.self_attn.dense`, hidden, hidden, biased),
    ...linearWeights(`${at}.mlp.fc1`, inner, hidden, biased),
    ...linearWeights(`${at}.mlp.fc2`, hidden, inner, biased),
  ];

  return {
    kind: 'decoder',
    sizes,
    tokenEmbedding: { path: 'model.embed_tokens', width: hidden, scale: 1 },
    basePrefix: 'model.',
    ignored: /rotary_emb\.inv_freq$/,
    weights: [
      { name: 'model.embed_tokens.weight', shape: [vocabulary, hidden] },
      ...Array.from({ length: layers }, (_, i) => layerWeights(`model.layers.${i}`)).flat(),
      ...layerNormWeights('model.final_layernorm', hidden),
      ...linearWeights('lm_head', vocabulary, hidden, biased),
    ],
    begin: (scope, x, segment) => ({ x, rotary: rotaryTables(scope, segment, () => rotary) }),
    layer: (scope, i, x, segment, tables) => {
      const { b } = scope;
      const at = `model.layers.${i}`;
      const normed = scope.layerNorm(`${at}.input_layernorm`, x, epsilon);
      const q = scope.linear(`${at}.self_attn.q_proj`, normed, biased);
      const k = scope.linear(`${at}.self_attn.k_proj`, normed, biased);
      const v = scope.linear(`${at}.self_attn.v_proj`, normed, biased);
      const mixed = attend(scope, segment, q, k, v, { layer: i, sizes, scale: headDim ** -0.5, rotary: tables });
      const attended = scope.linear(`${at}.self_attn.dense`, mixed, biased);
      const middle = scope.subBlock({ layer: i, ...atEnd(at, 'attention') }, x, attended);
      const inside = activation(b, scope.linear(`${at}.mlp.fc1`, normed, biased));
      const fed = scope.linear(`${at}.mlp.fc2`, inside, biased);
      return scope.subBlock({ layer: i, ...atEnd(at, 'mlp') }, middle, fed);
    },
    final: (scope, x) => scope.layerNorm('model.final_layernorm', x, epsilon),
    headModule: 'lm_head',
    head: (scope, x) => scope.linear('lm_head', x, biased),
  };
};
