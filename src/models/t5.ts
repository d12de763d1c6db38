import type { ModelConfig } from '../checkpoint/config.ts';
import type { Value } from '../onnx/dims.ts';
import { activationNamed } from './activations.ts';
import type { EncoderDecoder } from './architecture.ts';
import { attend, attendAcross, splitHeads } from './attention.ts';
import { mostLayers, type Segment, type Stack, type WeightSpec } from './decoder.ts';
import { outputHead } from './outputHead.ts';
import type { Scope } from './scope.ts';
import { linearWeights } from './weightSpecs.ts';

/** T5 has no last position; this bounds what is asked of one by mistake. */
const manyPositions = 2 ** 20;

const unbiased = { bias: false };

/**
 * T5 and Flan-T5: RMS norms before the sub-blocks, no biases, unscaled scores to which the distance of two positions adds,
 * https://arxiv.org/abs/1910.10683; from version 1.1 on a gated MLP, https://arxiv.org/abs/2002.05202.
 */
export const t5 = (config: ModelConfig): EncoderDecoder => {
  const hidden = config.count('d_model', 512);
  const headDim = config.count('d_kv', 64);
  const inner = config.count('d_ff', 2048);
  const layers = config.count('num_layers', 6, mostLayers);
  const decoderLayers = config.count('num_decoder_layers', layers, mostLayers);
  const heads = config.count('num_heads', 8);
  const vocabulary = config.count('vocab_size', 32_128);
  const epsilon = config.number('layer_norm_epsilon', 1e-6);
  const tied = config.boolean('tie_word_embeddings', true);
  const buckets = config.count('relative_attention_num_buckets', 32);
  const maxDistance = config.count('relative_attention_max_distance', 128);
  const feedForward = feedForwardOf(config);
  const width = heads * headDim;
  const common = { vocabulary, hidden, heads, kvHeads: heads, headDim, maxPositions: manyPositions };
  const tokenEmbedding = { path: 'shared', width: hidden, scale: 1 };

  const attentionWeights = (at: string): readonly WeightSpec[] => [
    ...['q', 'k', 'v'].flatMap((name) => linearWeights(`${at}.${name}`, width, hidden, unbiased)),
    ...linearWeights(`${at}.o`, hidden, width, unbiased),
  ];
  const normWeight = (at: string): WeightSpec => ({ name: `${at}.layer_norm.weight`, shape: [hidden] });
  const stackWeights = (root: string, count: number, crosses: boolean): readonly WeightSpec[] => [
    { name: relativeTable(root), shape: [buckets, heads] },
    ...Array.from({ length: count }, (_, i) => {
      const at = `${root}.block.${i}.layer`;
      const last = crosses ? 2 : 1;
      return [
        ...attentionWeights(`${at}.0.SelfAttention`),
        normWeight(`${at}.0`),
        ...(crosses ? [...attentionWeights(`${at}.1.EncDecAttention`), normWeight(`${at}.1`)] : []),
        ...feedForward.weights(`${at}.${last}.DenseReluDense`, hidden, inner),
        normWeight(`${at}.${last}`),
      ];
    }).flat(),
    { name: `${root}.final_layer_norm.weight`, shape: [hidden] },
  ];
  const norm = (scope: Scope, at: string, x: Value) => scope.rmsNorm(`${at}.layer_norm`, x, epsilon);

  const stack = (root: string, count: number, crosses: boolean): Stack => {
    const relative = { buckets, maxDistance, bidirectional: !crosses };
    const sizes = { ...common, layers: count, relative };
    return {
      sizes,
      tokenEmbedding,
      begin: (_scope, x) => ({ x, rotary: () => null }),
      relativeBias: (scope, ids) =>
        scope.b.transpose(scope.b.gather(scope.weight(relativeTable(root)), ids), [0, 3, 1, 2]),
      layer: (scope, i, x, segment) => {
        const { b } = scope;
        const at = `${root}.block.${i}.layer`;
        const self = selfAttention(scope, segment, `${at}.0.SelfAttention`, norm(scope, `${at}.0`, x), i);
        let middle = scope.subBlock({ layer: i, kind: 'attention', path: `${at}.0` }, x, self);
        if (crosses) {
          const module = `${at}.1.EncDecAttention`;
          const q = scope.linear(`${module}.q`, norm(scope, `${at}.1`, middle));
          const across = scope.linear(`${module}.o`, attendAcross(scope, segment, q, i, sizes));
          middle = b.add(middle, across);
        }
        const last = `${at}.${crosses ? 2 : 1}`;
        const fed = feedForward.apply(scope, `${last}.DenseReluDense`, norm(scope, last, middle));
        return scope.subBlock({ layer: i, kind: 'mlp', path: last }, middle, fed);
      },
      final: (scope, x) => scope.rmsNorm(`${root}.final_layer_norm`, x, epsilon),
    };

    function selfAttention(scope: Scope, segment: Segment, module: string, x: Value, layer: number): Value {
      const [q, k, v] = ['q', 'k', 'v'].map((name) => scope.linear(`${module}.${name}`, x));
      const mixed = attend(scope, segment, q!, k!, v!, { layer, sizes, scale: 1, rotary: null });
      return scope.linear(`${module}.o`, mixed);
    }
  };

  const decoder = stack('decoder', decoderLayers, true);
  return {
    kind: 'encoder_decoder',
    sizes: decoder.sizes,
    tokenEmbedding,
    encoder: stack('encoder', layers, false),
    decoder,
    basePrefix: '',
    // Copies of the shared table that old files hold, and a bias table that no layer reads.
    ignored:
      /^(encoder|decoder)\.embed_tokens\.weight$|^decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias/,
    weights: [
      { name: 'shared.weight', shape: [vocabulary, hidden] },
      ...stackWeights('encoder', layers, false),
      ...stackWeights('decoder', decoderLayers, true),
      { name: 'lm_head.weight', shape: [vocabulary, hidden], optional: tied },
    ],
    crossKeyValue: (scope, layer, x, source) => {
      const module = `decoder.block.${layer}.layer.1.EncDecAttention`;
      const part = (name: string) => splitHeads(scope.b, source, scope.linear(`${module}.${name}`, x), heads, headDim);
      return { key: part('k'), value: part('v') };
    },
    // The table is scaled where it is the head too.
    head: (scope, x) => outputHead(scope, 'lm_head', 'shared', tied ? scope.b.scale(x, hidden ** -0.5) : x),
    headModule: 'lm_head',
    startToken: config.integer('decoder_start_token_id', config.integer('pad_token_id', 0)),
  };
};

function relativeTable(root: string): string {
  return `${root}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`;
}

/** The MLP of a block: one matrix in, or two of which one gates the other. */
interface FeedForward {
  readonly weights: (at: string, hidden: number, inner: number) => readonly WeightSpec[];
  readonly apply: (scope: Scope, at: string, x: Value) => Value;
}

/** By `feed_forward_proj`: an activation's name, or `gated-` and one; `gated-gelu` means the tanh form. */
function feedForwardOf(config: ModelConfig): FeedForward {
  const given = config.string('feed_forward_proj', 'relu');
  const gated = given.startsWith('gated-');
  const name = gated ? given.slice('gated-'.length) : given;
  const activation = activationNamed(config, 'feed_forward_proj', given === 'gated-gelu' ? 'gelu_new' : name);
  const inputs = gated ? ['wi_0', 'wi_1'] : ['wi'];
  return {
    weights: (at, hidden, inner) => [
      ...inputs.flatMap((input) => linearWeights(`${at}.${input}`, inner, hidden, unbiased)),
      ...linearWeights(`${at}.wo`, hidden, inner, unbiased),
    ],
    apply: (scope, at, x) => {
      const [first, second] = inputs.map((input) => scope.linear(`${at}.${input}`, x));
      const active = activation(scope.b, first!);
      return scope.linear(`${at}.wo`, second === undefined ? active : scope.b.mul(active, second));
    },
  };
}
