import type { ModelConfig } from '../checkpoint/config.ts';
import type { Builder } from '../onnx/builder.ts';
import { product, type Value } from '../onnx/dims.ts';
import { activationOf } from './activations.ts';
import { attend } from './attention.ts';
import { type Decoder, type DecoderSizes, mostLayers, type WeightSpec } from './decoder.ts';
import { outputHead } from './outputHead.ts';
import { fusedProjection, separateProjections } from './projections.ts';
import { type RotaryEmbedding, type RotaryReading, readRotary, rotarySizes } from './rotaryEmbedding.ts';
import { rotaryTables } from './rotaryTables.ts';
import type { Scope } from './scope.ts';
import { atEnd, type SubBlockSite } from './sites.ts';
import { softCapped } from './softCap.ts';
import { linearWeights } from './weightSpecs.ts';

/** What a family takes for the keys that config.json leaves out: transformers' defaults. */
export interface LlamaDefaults extends RotaryReading {
  readonly hidden: number;
  readonly inner: number;
  readonly layers: number;
  readonly heads: number;
  /** As many as heads when absent. */
  readonly kvHeads?: number;
  /** hidden / heads when absent. */
  readonly headDim?: number;
  readonly vocabulary: number;
  /** 1e-6 when absent. */
  readonly epsilon?: number;
  /** False when absent. */
  readonly tied?: boolean;
}

/** The numbers of a Llama-like model. */
export interface LlamaShape {
  readonly sizes: DecoderSizes;
  /** Width of the MLP. */
  readonly inner: number;
  /** Of the RMS norms. */
  readonly epsilon: number;
  readonly activation: (b: Builder, x: Value) => Value;
  /** Whether the head may be the embedding table. */
  readonly tied: boolean;
  readonly rotary: RotaryEmbedding;
}

/** Names of the norms before and after a sub-block (null: none). What comes after stands before the residual sum. */
interface BlockNorms {
  readonly before: string | null;
  readonly after: string | null;
}

/** Where RMS norms can stand about the sub-blocks of a layer. */
const blockNormNames = {
  before: {
    attention: { before: 'input_layernorm', after: null },
    mlp: { before: 'post_attention_layernorm', after: null },
  },
  around: {
    attention: { before: 'input_layernorm', after: 'post_attention_layernorm' },
    mlp: { before: 'pre_feedforward_layernorm', after: 'post_feedforward_layernorm' },
  },
  after: {
    attention: { before: null, after: 'post_attention_layernorm' },
    mlp: { before: null, after: 'post_feedforward_layernorm' },
  },
} satisfies Record<string, Readonly<Record<'attention' | 'mlp', BlockNorms>>>;

/** Where Llama's descendants differ. */
export interface LlamaVariant {
  /** Which linear layers have a bias. */
  readonly bias: { readonly qkv: boolean; readonly output: boolean; readonly mlp: boolean };
  /** What of queries and keys passes an RMS norm of its own before it is rotated: each head, or all heads at once; nothing when absent. */
  readonly queryKeyNorms?: 'head' | 'projection';
  /** One matrix for query, key and value, and one for gate and up. */
  readonly fused?: boolean;
  /** Each layer's rotary embedding, null where it does not rotate; the shape's in all when absent. */
  readonly rotary?: (layer: number) => RotaryEmbedding | null;
  /** Added to the weights of RMS norms; 0 when absent. */
  readonly normOffset?: number;
  /** Where RMS norms stand about each sub-block; before it when absent. */
  readonly blockNorms?: keyof typeof blockNormNames;
  /** Factor on token embeddings; 1 when absent. */
  readonly embeddingScale?: number;
  /** Factor on attention scores; 1 / sqrt(headDim) when absent. */
  readonly attentionScale?: number;
  /** Soft caps on attention scores and on logits; none when absent. */
  readonly softCaps?: { readonly attention: number | null; readonly logits: number | null };
  /** By layer, as in `DecoderSizes`. */
  readonly windows?: readonly number[];
}

/** Reads the keys that all of them have. */
export function llamaShape(config: ModelConfig, defaults: LlamaDefaults): LlamaShape {
  const hidden = config.count('hidden_size', defaults.hidden);
  const layers = config.count('num_hidden_layers', defaults.layers, mostLayers);
  const heads = config.count('num_attention_heads', defaults.heads);
  // Where the key is null, transformers takes the number of heads, whatever the default.
  const kvHeads =
    config.raw('num_key_value_heads') === null ? heads : config.count('num_key_value_heads', defaults.kvHeads ?? heads);
  const headDim = config.count('head_dim', defaults.headDim ?? hidden / heads);
  if (heads % kvHeads !== 0) {
    throw config.invalid('num_key_value_heads', `is ${kvHeads}, which does not divide the ${heads} attention heads`);
  }
  const vocabulary = config.count('vocab_size', defaults.vocabulary);
  const rotary = readRotary(config, headDim, defaults);
  return {
    sizes: { vocabulary, hidden, layers, heads, kvHeads, headDim, ...rotarySizes(rotary) },
    inner: config.count('intermediate_size', defaults.inner),
    epsilon: config.number('rms_norm_eps', defaults.epsilon ?? 1e-6),
    activation: activationOf(config, 'hidden_act', 'silu'),
    tied: config.boolean('tie_word_embeddings', defaults.tied ?? false),
    rotary,
  };
}

/**
 * Llama and what was made of it: rotary positions, RMS norm before each sub-block, grouped-query attention, gated MLP;
 * https://arxiv.org/abs/2302.13971.
 */
export function llamaLike(shape: LlamaShape, { bias, windows, ...variant }: LlamaVariant): Decoder {
  const { inner, epsilon, activation, tied } = shape;
  const {
    rotary: rotaryOf = () => shape.rotary,
    queryKeyNorms,
    softCaps = { attention: null, logits: null },
  } = variant;
  const sizes = windows === undefined ? shape.sizes : { ...shape.sizes, windows };
  const { vocabulary, hidden, layers, heads, kvHeads, headDim } = sizes;
  const qkvWidths = { q_proj: heads * headDim, k_proj: kvHeads * headDim, v_proj: kvHeads * headDim };
  const gateUpWidths = { gate_proj: inner, up_proj: inner };
  const [queryKeyValue, gateUp] = variant.fused
    ? [
        fusedProjection('qkv_proj', qkvWidths, hidden, bias.qkv),
        fusedProjection('gate_up_proj', gateUpWidths, hidden, bias.mlp),
      ]
    : [separateProjections(qkvWidths, hidden, bias.qkv), separateProjections(gateUpWidths, hidden, bias.mlp)];

  const norms: Readonly<Record<'attention' | 'mlp', BlockNorms>> = blockNormNames[variant.blockNorms ?? 'before'];

  const layerWeights = (at: string): readonly WeightSpec[] => [
    ...[norms.attention, norms.mlp]
      .flatMap(({ before, after }) => [before, after])
      .flatMap((norm) => (norm === null ? [] : [{ name: `${at}.${norm}.weight`, shape: [hidden] }])),
    ...queryKeyValue.weights(`${at}.self_attn`),
    ...(queryKeyNorms === undefined ? [] : [['q_norm', heads] as const, ['k_norm', kvHeads] as const]).map(
      ([norm, count]) => ({
        name: `${at}.self_attn.${norm}.weight`,
        shape: [queryKeyNorms === 'head' ? headDim : count * headDim],
      }),
    ),
    ...linearWeights(`${at}.self_attn.o_proj`, hidden, heads * headDim, { bias: bias.output }),
    ...gateUp.weights(`${at}.mlp`),
    ...linearWeights(`${at}.mlp.down_proj`, hidden, inner, { bias: bias.mlp }),
  ];
  const norm = (scope: Scope, path: string, x: Value): Value => scope.rmsNorm(path, x, epsilon, variant.normOffset);
  const normIfAny = (scope: Scope, at: string, name: string | null, x: Value): Value =>
    name === null ? x : norm(scope, `${at}.${name}`, x);
  const siteAt = (scope: Scope, layer: number, kind: 'attention' | 'mlp'): SubBlockSite => {
    const at = `model.layers.${layer}`;
    const { after } = norms[kind];
    const outputNorm = (y: Value) => norm(scope, `${at}.${after}`, y);
    return { layer, ...atEnd(at, kind), ...(after !== null && { outputNorm }) };
  };
  /** The norm of queries or keys x `[tokens, count * headDim]`. */
  const normQueryKey = (scope: Scope, path: string, x: Value, count: number): Value => {
    if (queryKeyNorms === undefined) return x;
    if (queryKeyNorms === 'projection') return norm(scope, path, x);
    const byHead = scope.b.reshape(x, [product([x.dims[0]!, count]), headDim]);
    return scope.b.reshape(norm(scope, path, byHead), x.dims);
  };

  return {
    kind: 'decoder',
    sizes,
    tokenEmbedding: { path: 'model.embed_tokens', width: hidden, scale: variant.embeddingScale ?? 1 },
    basePrefix: 'model.',
    ignored: /rotary_emb\.inv_freq$/,
    weights: [
      { name: 'model.embed_tokens.weight', shape: [vocabulary, hidden] },
      ...Array.from({ length: layers }, (_, i) => layerWeights(`model.layers.${i}`)).flat(),
      { name: 'model.norm.weight', shape: [hidden] },
      { name: 'lm_head.weight', shape: [vocabulary, hidden], optional: tied },
    ],
    begin: (scope, x, segment) => ({ x, rotary: rotaryTables(scope, segment, rotaryOf) }),
    layer: (scope, i, x, segment, rotary) => {
      const { b } = scope;
      const at = `model.layers.${i}`;
      const normed = normIfAny(scope, at, norms.attention.before, x);
      const [query, key, v] = queryKeyValue.apply(scope, `${at}.self_attn`, normed);
      const q = normQueryKey(scope, `${at}.self_attn.q_norm`, query!, heads);
      const k = normQueryKey(scope, `${at}.self_attn.k_norm`, key!, kvHeads);
      const scale = variant.attentionScale ?? headDim ** -0.5;
      const mixed = attend(scope, segment, q, k, v!, { layer: i, sizes, scale, rotary, softCap: softCaps.attention });
      const attended = scope.linear(`${at}.self_attn.o_proj`, mixed, { bias: bias.output });
      const middle = scope.subBlock(siteAt(scope, i, 'attention'), x, attended);
      const normedMiddle = normIfAny(scope, at, norms.mlp.before, middle);
      const [gate, up] = gateUp.apply(scope, `${at}.mlp`, normedMiddle);
      const fed = scope.linear(`${at}.mlp.down_proj`, b.mul(activation(b, gate!), up!), { bias: bias.mlp });
      return scope.subBlock(siteAt(scope, i, 'mlp'), middle, fed);
    },
    final: (scope, x) => norm(scope, 'model.norm', x),
    headModule: 'lm_head',
    head: (scope, x) => softCapped(scope.b, outputHead(scope, 'lm_head', 'model.embed_tokens', x), softCaps.logits),
  };
}
