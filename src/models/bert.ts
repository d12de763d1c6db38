import type { ModelConfig } from '../checkpoint/config.ts';
import type { Value } from '../onnx/dims.ts';
import { activationOf } from './activations.ts';
import type { Classifier, Encoder } from './architecture.ts';
import { attend } from './attention.ts';
import { mostLayers, type WeightSpec } from './decoder.ts';
import type { SubBlockSite } from './sites.ts';
import { layerNormWeights, linearWeights } from './weightSpecs.ts';

/** What a family takes for the keys that config.json leaves out, and where it differs from BERT. */
export interface BertVariant {
  /** The module path of the model below its classifier. */
  readonly root: string;
  readonly vocabulary: number;
  readonly maxPositions: number;
  readonly tokenTypes: number;
  /** Rows of the position table before that of position 0. */
  readonly firstPosition: number;
  readonly pooler: boolean;
  readonly classifier: (hidden: number) => Classifier;
}

/** BERT: learned positions and token types, a norm after each sub-block; https://arxiv.org/abs/1810.04805. */
export const bert = (config: ModelConfig): Encoder =>
  bertLike(config, {
    root: 'bert',
    vocabulary: 30_522,
    maxPositions: 512,
    tokenTypes: 2,
    firstPosition: 0,
    pooler: true,
    classifier: (hidden) => ({
      modules: ['classifier'],
      weights: (classes) => linearWeights('classifier', classes, hidden, biased),
      logits: (scope, x) =>
        scope.linear('classifier', scope.b.tanh(scope.linear('bert.pooler.dense', x, biased)), biased),
    }),
  });

const biased = { bias: true };

/** Encoders in BERT's form. */
export function bertLike(config: ModelConfig, variant: BertVariant): Encoder {
  const { root, firstPosition } = variant;
  const hidden = config.count('hidden_size', 768);
  const layers = config.count('num_hidden_layers', 12, mostLayers);
  const heads = config.count('num_attention_heads', 12);
  const inner = config.count('intermediate_size', 3072);
  const vocabulary = config.count('vocab_size', variant.vocabulary);
  const table = config.count('max_position_embeddings', variant.maxPositions);
  const tokenTypes = config.count('type_vocab_size', variant.tokenTypes);
  const epsilon = config.number('layer_norm_eps', 1e-12);
  const activation = activationOf(config, 'hidden_act', 'gelu');
  const headDim = hidden / heads;
  if (!Number.isInteger(headDim)) {
    throw config.invalid('num_attention_heads', `is ${heads}, which does not divide hidden_size (${hidden})`);
  }
  const kind = config.string('position_embedding_type', 'absolute');
  if (kind !== 'absolute') throw config.invalid('position_embedding_type', `is "${kind}"; supported is absolute`);
  const sizes = { vocabulary, hidden, layers, heads, kvHeads: heads, headDim, maxPositions: table - firstPosition };
  const embeddings = `${root}.embeddings`;

  const layerWeights = (at: string): readonly WeightSpec[] => [
    ...['query', 'key', 'value'].flatMap((name) =>
      linearWeights(`${at}.attention.self.${name}`, hidden, hidden, biased),
    ),
    ...linearWeights(`${at}.attention.output.dense`, hidden, hidden, biased),
    ...layerNormWeights(`${at}.attention.output.LayerNorm`, hidden),
    ...linearWeights(`${at}.intermediate.dense`, inner, hidden, biased),
    ...linearWeights(`${at}.output.dense`, hidden, inner, biased),
    ...layerNormWeights(`${at}.output.LayerNorm`, hidden),
  ];

  return {
    kind: 'encoder',
    sizes,
    tokenEmbedding: { path: `${embeddings}.word_embeddings`, width: hidden, scale: 1 },
    basePrefix: `${root}.`,
    // What a pre-training checkpoint holds besides: heads for masked words and next sentences, and tables of numbers.
    ignored: /(^|\.)(cls|lm_head)\.|\.position_ids$|(^|\.)token_type_ids$/,
    weights: [
      { name: `${embeddings}.word_embeddings.weight`, shape: [vocabulary, hidden] },
      { name: `${embeddings}.position_embeddings.weight`, shape: [table, hidden] },
      { name: `${embeddings}.token_type_embeddings.weight`, shape: [tokenTypes, hidden] },
      ...layerNormWeights(`${embeddings}.LayerNorm`, hidden),
      ...Array.from({ length: layers }, (_, i) => layerWeights(`${root}.encoder.layer.${i}`)).flat(),
      ...(variant.pooler ? linearWeights(`${root}.pooler.dense`, hidden, hidden, biased) : []),
    ],
    classifier: variant.classifier(hidden),
    begin: (scope, x, segment) => {
      const { b } = scope;
      const flat = (ids: Value) => b.reshape(ids, [x.dims[0]!]);
      const positions = b.add(flat(segment.positions), b.integers([firstPosition]));
      const types = scope.embedding(`${embeddings}.token_type_embeddings`, flat(segment.tokenTypes!));
      const placed = b.add(b.add(x, types), scope.embedding(`${embeddings}.position_embeddings`, positions));
      return { x: scope.layerNorm(`${embeddings}.LayerNorm`, placed, epsilon), rotary: () => null };
    },
    layer: (scope, i, x, segment) => {
      const { b } = scope;
      const at = `${root}.encoder.layer.${i}`;
      const project = (name: string) => scope.linear(`${at}.attention.self.${name}`, x, biased);
      const [q, k, v] = [project('query'), project('key'), project('value')];
      const mixed = attend(scope, segment, q, k, v, { layer: i, sizes, scale: headDim ** -0.5, rotary: null });
      const attended = scope.linear(`${at}.attention.output.dense`, mixed, biased);
      const end = (kind: SubBlockSite['kind'], path: string, input: Value, output: Value) => {
        const postNorm = (y: Value) => scope.layerNorm(`${path}.LayerNorm`, y, epsilon);
        return scope.subBlock({ layer: i, kind, path, postNorm }, input, output);
      };
      const middle = end('attention', `${at}.attention.output`, x, attended);
      const inside = activation(b, scope.linear(`${at}.intermediate.dense`, middle, biased));
      const fed = scope.linear(`${at}.output.dense`, inside, biased);
      return end('mlp', `${at}.output`, middle, fed);
    },
    final: (_scope, x) => x,
  };
}
