import { activationOf } from './activations.ts';
import { attend } from './attention.ts';
import { type Decoder, type DecoderFamily, mostLayers, type WeightSpec } from './decoder.ts';
import { outputHead } from './outputHead.ts';
import { atEnd } from './sites.ts';

/** GPT-2: learned positions, layer norm before each sub-block, fused query/key/value, weights lying in x out. */
export const gpt2: DecoderFamily = (config): Decoder => {
  const hidden = config.count(['n_embd', 'hidden_size'], 768);
  const layers = config.count(['n_layer', 'num_hidden_layers'], 12, mostLayers);
  const heads = config.count(['n_head', 'num_attention_heads'], 12);
  const vocabulary = config.count('vocab_size', 50_257);
  const maxPositions = config.count(['n_positions', 'max_position_embeddings'], 1024);
  const inner = config.count('n_inner', 4 * hidden);
  const epsilon = config.number('layer_norm_epsilon', 1e-5);
  const activation = activationOf(config, 'activation_function', 'gelu_new');
  const tied = config.boolean('tie_word_embeddings', true);
  const scaleByLayer = config.boolean('scale_attn_by_inverse_layer_idx', false);
  const scaled = config.boolean('scale_attn_weights', true);
  const headDim = hidden / heads;
  if (!Number.isInteger(headDim))
    throw config.invalid('n_head', `is ${heads}, which does not divide n_embd (${hidden})`);
  const sizes = { vocabulary, hidden, layers, heads, kvHeads: heads, headDim, maxPositions };
  const conv = { layout: 'in_out', bias: true } as const;

  return {
    kind: 'decoder',
    sizes,
    tokenEmbedding: { path: 'transformer.wte', width: hidden, scale: 1 },
    basePrefix: 'transformer.',
    ignored: /\.attn\.(bias|masked_bias)$/,
    weights: [
      { name: 'transformer.wte.weight', shape: [vocabulary, hidden] },
      { name: 'transformer.wpe.weight', shape: [maxPositions, hidden] },
      ...Array.from({ length: layers }, (_, i) => layerWeights(`transformer.h.${i}`, hidden, inner)).flat(),
      ...affine('transformer.ln_f', [hidden], hidden),
      { name: 'lm_head.weight', shape: [vocabulary, hidden], optional: tied },
    ],
    begin: (scope, x, segment) => {
      const positions = scope.b.reshape(segment.positions, [x.dims[0]!]);
      return { x: scope.b.add(x, scope.embedding('transformer.wpe', positions)), rotary: () => null };
    },
    layer: (scope, i, x, segment) => {
      const { b } = scope;
      const at = `transformer.h.${i}`;
      const normed = scope.layerNorm(`${at}.ln_1`, x, epsilon);
      const [q, k, v] = b.split(scope.linear(`${at}.attn.c_attn`, normed, conv), 1, [hidden, hidden, hidden]);
      const scale = (scaled ? headDim ** -0.5 : 1) / (scaleByLayer ? i + 1 : 1);
      const mixed = attend(scope, segment, q!, k!, v!, { layer: i, sizes, scale, rotary: null });
      const attended = scope.linear(`${at}.attn.c_proj`, mixed, conv);
      const middle = scope.subBlock({ layer: i, ...atEnd(at, 'attention') }, x, attended);
      const inner = scope.linear(`${at}.mlp.c_fc`, scope.layerNorm(`${at}.ln_2`, middle, epsilon), conv);
      const fed = scope.linear(`${at}.mlp.c_proj`, activation(b, inner), conv);
      return scope.subBlock({ layer: i, ...atEnd(at, 'mlp') }, middle, fed);
    },
    final: (scope, x) => scope.layerNorm('transformer.ln_f', x, epsilon),
    headModule: 'lm_head',
    head: (scope, x) => outputHead(scope, 'lm_head', 'transformer.wte', x),
  };
};

function layerWeights(at: string, hidden: number, inner: number): readonly WeightSpec[] {
  return [
    ...affine(`${at}.ln_1`, [hidden], hidden),
    ...affine(`${at}.attn.c_attn`, [hidden, 3 * hidden], 3 * hidden),
    ...affine(`${at}.attn.c_proj`, [hidden, hidden], hidden),
    ...affine(`${at}.ln_2`, [hidden], hidden),
    ...affine(`${at}.mlp.c_fc`, [hidden, inner], inner),
    ...affine(`${at}.mlp.c_proj`, [inner, hidden], hidden),
  ];
}

function affine(path: string, shape: readonly number[], bias: number): readonly WeightSpec[] {
  return [
    { name: `${path}.weight`, shape },
    { name: `${path}.bias`, shape: [bias] },
  ];
}
