import { activationOf } from './activations.ts';
import { attend } from './attention.ts';
import { type Decoder, type DecoderFamily, mostLayers, type WeightSpec } from './decoder.ts';
import { rotaryFrequencies, rotaryTables } from './rotaryTables.ts';
import { linearWeights } from './weightSpecs.ts';

/** Llama (SmolLM2, TinyLlama ...): rotary positions, RMS norm, grouped-query attention, gated MLP; https://arxiv.org/abs/2302.13971. */
export const llama: DecoderFamily = (config): Decoder => {
  const hidden = config.count('hidden_size', 4096);
  const inner = config.count('intermediate_size', 11_008);
  const layers = config.count('num_hidden_layers', 32, mostLayers);
  const heads = config.count('num_attention_heads', 32);
  const kvHeads = config.count('num_key_value_heads', heads);
  const headDim = config.count('head_dim', hidden / heads);
  const vocabulary = config.count('vocab_size', 32_000);
  const maxPositions = config.count('max_position_embeddings', 2048);
  const epsilon = config.number('rms_norm_eps', 1e-6);
  const activation = activationOf(config, 'hidden_act', 'silu');
  const tied = config.boolean('tie_word_embeddings', false);
  const attentionBias = { bias: config.boolean('attention_bias', false) };
  const mlpBias = { bias: config.boolean('mlp_bias', false) };
  const frequencies = rotaryFrequencies(config, headDim);
  if (heads % kvHeads !== 0) {
    throw config.invalid('num_key_value_heads', `is ${kvHeads}, which does not divide the ${heads} attention heads`);
  }
  const sizes = { vocabulary, hidden, layers, heads, kvHeads, headDim, maxPositions };

  const layerWeights = (at: string): readonly WeightSpec[] => [
    { name: `${at}.input_layernorm.weight`, shape: [hidden] },
    ...linearWeights(`${at}.self_attn.q_proj`, heads * headDim, hidden, attentionBias),
    ...linearWeights(`${at}.self_attn.k_proj`, kvHeads * headDim, hidden, attentionBias),
    ...linearWeights(`${at}.self_attn.v_proj`, kvHeads * headDim, hidden, attentionBias),
    ...linearWeights(`${at}.self_attn.o_proj`, hidden, heads * headDim, attentionBias),
    { name: `${at}.post_attention_layernorm.weight`, shape: [hidden] },
    ...linearWeights(`${at}.mlp.gate_proj`, inner, hidden, mlpBias),
    ...linearWeights(`${at}.mlp.up_proj`, inner, hidden, mlpBias),
    ...linearWeights(`${at}.mlp.down_proj`, hidden, inner, mlpBias),
  ];

  return {
    sizes,
    tokenEmbedding: { path: 'model.embed_tokens', width: hidden, scale: 1 },
    basePrefix: 'model.',
    ignored: /rotary_emb\.inv_freq$/,
    weights: [
      { name: 'model.embed_tokens.weight', shape: [vocabulary, hidden] },
      ...Array.from({ length: layers }, (_, i) => layerWeights(`model.layers.${i}`)).flat(),
      { name: 'model.norm.weight', shape: [hidden] },
      { name: 'lm_head.weight', shape: [vocabulary, hidden], optional: tied },
    ],
    begin: (scope, x, segment) => ({ x, rotary: rotaryTables(scope, segment, frequencies) }),
    layer: (scope, i, x, segment, rotary) => {
      const { b, hooks } = scope;
      const at = `model.layers.${i}`;
      const normed = scope.rmsNorm(`${at}.input_layernorm`, x, epsilon);
      const q = scope.linear(`${at}.self_attn.q_proj`, normed, attentionBias);
      const k = scope.linear(`${at}.self_attn.k_proj`, normed, attentionBias);
      const v = scope.linear(`${at}.self_attn.v_proj`, normed, attentionBias);
      const mixed = attend(scope, segment, q, k, v, { layer: i, sizes, scale: headDim ** -0.5, rotary });
      const attended = scope.linear(`${at}.self_attn.o_proj`, mixed, attentionBias);
      const middle = b.add(x, hooks.subBlock?.(b, { layer: i, kind: 'attention' }, x, attended) ?? attended);
      const normedMiddle = scope.rmsNorm(`${at}.post_attention_layernorm`, middle, epsilon);
      const gate = activation(b, scope.linear(`${at}.mlp.gate_proj`, normedMiddle, mlpBias));
      const up = scope.linear(`${at}.mlp.up_proj`, normedMiddle, mlpBias);
      const fed = scope.linear(`${at}.mlp.down_proj`, b.mul(gate, up), mlpBias);
      return b.add(middle, hooks.subBlock?.(b, { layer: i, kind: 'mlp' }, middle, fed) ?? fed);
    },
    head: (scope, x) => {
      const normed = scope.rmsNorm('model.norm', x, epsilon);
      return scope.has('lm_head.weight')
        ? scope.linear('lm_head', normed)
        : scope.b.gemm(normed, scope.weight('model.embed_tokens.weight'), { transB: 1 });
    },
  };
};
