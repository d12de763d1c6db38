import { activationOf } from './activations.ts';
import { attend } from './attention.ts';
import { type Decoder, type DecoderFamily, mostLayers, tokensOf, type WeightSpec } from './decoder.ts';
import { outputHead } from './outputHead.ts';
import { readRotary, rotarySizes } from './rotaryEmbedding.ts';
import { rotaryTables } from './rotaryTables.ts';
import { atEnd } from './sites.ts';
import { layerNormWeights, linearWeights } from './weightSpecs.ts';

/**
 * GPT-NeoX (Pythia): part of every head rotates, attention and MLP side by side, query, key and value of a head lie
 * together; https://arxiv.org/abs/2204.06745.
 */
export const gptNeox: DecoderFamily = (config): Decoder => {
  const hidden = config.count('hidden_size', 6144);
  const inner = config.count('intermediate_size', 24_576);
  const layers = config.count('num_hidden_layers', 44, mostLayers);
  const heads = config.count('num_attention_heads', 64);
  const vocabulary = config.count('vocab_size', 50_432);
  const epsilon = config.number('layer_norm_eps', 1e-5);
  const activation = activationOf(config, 'hidden_act', 'gelu');
  const parallel = config.boolean('use_parallel_residual', true);
  const tied = config.boolean('tie_word_embeddings', false);
  const attentionBias = { bias: config.boolean('attention_bias', true) };
  const headDim = hidden / heads;
  if (!Number.isInteger(headDim)) {
    throw config.invalid('num_attention_heads', `is ${heads}, which does not divide hidden_size (${hidden})`);
  }
  const rotary = readRotary(config, headDim, {
    maxPositions: 2048,
    thetaKey: 'rotary_emb_base',
    partial: 0.25,
    partialKey: 'rotary_pct',
  });
  const sizes = { vocabulary, hidden, layers, heads, kvHeads: heads, headDim, ...rotarySizes(rotary) };
  const biased = { bias: true };

  const layerWeights = (at: string): readonly WeightSpec[] => [
    ...layerNormWeights(`${at}.input_layernorm`, hidden),
    ...linearWeights(`${at}.attention.query_key_value`, 3 * hidden, hidden, attentionBias),
    ...linearWeights(`${at}.attention.dense`, hidden, hidden, attentionBias),
    ...layerNormWeights(`${at}.post_attention_layernorm`, hidden),
    ...linearWeights(`${at}.mlp.dense_h_to_4h`, inner, hidden, biased),
    ...linearWeights(`${at}.mlp.dense_4h_to_h`, hidden, inner, biased),
  ];

  return {
    kind: 'decoder',
    sizes,
    tokenEmbedding: { path: 'gpt_neox.embed_in', width: hidden, scale: 1 },
    basePrefix: 'gpt_neox.',
    ignored: /\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/,
    weights: [
      { name: 'gpt_neox.embed_in.weight', shape: [vocabulary, hidden] },
      ...Array.from({ length: layers }, (_, i) => layerWeights(`gpt_neox.layers.${i}`)).flat(),
      ...layerNormWeights('gpt_neox.final_layer_norm', hidden),
      { name: 'embed_out.weight', shape: [vocabulary, hidden], optional: tied },
    ],
    begin: (scope, x, segment) => ({ x, rotary: rotaryTables(scope, segment, () => rotary) }),
    layer: (scope, i, x, segment, tables) => {
      const { b } = scope;
      const at = `gpt_neox.layers.${i}`;
      const normed = scope.layerNorm(`${at}.input_layernorm`, x, epsilon);
      const fused = scope.linear(`${at}.attention.query_key_value`, normed, attentionBias);
      const perHead = b.reshape(fused, [tokensOf(segment), heads, 3 * headDim]);
      const [q, k, v] = b
        .split(perHead, 2, [headDim, headDim, headDim])
        .map((part) => b.reshape(part, [tokensOf(segment), hidden]));
      const mixed = attend(scope, segment, q!, k!, v!, { layer: i, sizes, scale: headDim ** -0.5, rotary: tables });
      const attended = scope.linear(`${at}.attention.dense`, mixed, attentionBias);
      const middle = scope.subBlock({ layer: i, ...atEnd(at, 'attention') }, x, attended);
      const input = parallel ? x : middle;
      const normedInput = scope.layerNorm(`${at}.post_attention_layernorm`, input, epsilon);
      const inside = activation(b, scope.linear(`${at}.mlp.dense_h_to_4h`, normedInput, biased));
      const fed = scope.linear(`${at}.mlp.dense_4h_to_h`, inside, biased);
      return scope.subBlock({ layer: i, ...atEnd(at, 'mlp') }, middle, fed);
    },
    final: (scope, x) => scope.layerNorm('gpt_neox.final_layer_norm', x, epsilon),
    headModule: 'embed_out',
    head: (scope, x) => outputHead(scope, 'embed_out', 'gpt_neox.embed_in', x),
  };
};
