import type { ModelConfig } from '../checkpoint/config.ts';
import { type Dim, product, type Value } from '../onnx/dims.ts';
import type { RelativePositions } from './relativePositions.ts';
import type { Scope } from './scope.ts';
import type { KeyValue } from './sites.ts';
import type { TokenEmbedding } from './tokenEmbedding.ts';

/** More layers than any model has: a config that asks for more is broken, and its tensors could not even be listed. */
export const mostLayers = 10_000;

/** Sizes of a decoder that its users (methods, caches, checks) need. */
export interface DecoderSizes {
  readonly vocabulary: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Positions the model was made for. */
  readonly maxPositions: number;
  /**
   * For each layer, how many keys a query sees: its own and those of the positions right before it, virtual tokens
   * counted like any other; Infinity where it sees all. Absent where every layer sees all.
   */
  readonly windows?: readonly number[];
  /** How far apart positions are told apart where scores depend on that alone (T5); absent elsewhere. */
  readonly relative?: RelativePositions;
  /** The rotary embedding's frequencies in a row of so many positions, where they depend on that (`rotaryEmbedding.ts`). */
  readonly frequenciesOf?: (length: number) => Float32Array;
}

/** A tensor the checkpoint must hold (or, `optional`, may). Names as transformers writes them. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly optional?: boolean;
}

/** What every kind of model says of its checkpoint. */
export interface CheckpointForm {
  /** Every tensor of the checkpoint, by transformers' names. */
  readonly weights: readonly WeightSpec[];
  /** The module path that old files leave out of their tensors' names (`transformer.`), or ''. */
  readonly basePrefix: string;
  /** Tensors that old files hold and nobody needs. */
  readonly ignored: RegExp | null;
}

/** Layers one after another over embedded tokens. One file an architecture family; the file reads like its paper's diagram. */
export interface Stack {
  readonly sizes: DecoderSizes;
  readonly tokenEmbedding: TokenEmbedding;
  /**
   * What the layers of a segment share: position embeddings added to x, or rotary tables. x `[tokens, width]` becomes
   * `[tokens, hidden]`.
   */
  readonly begin: (scope: Scope, x: Value, segment: Segment) => Beginning;
  /** One layer: x `[tokens, hidden]` to `[tokens, hidden]`. */
  readonly layer: (scope: Scope, index: number, x: Value, segment: Segment, rotary: Rotary | null) => Value;
  /**
   * What positions add to attention scores by their distance, `[rows, heads, time, keys]`, of the buckets
   * `[rows, time, keys]` of `sizes.relative`; absent where there is none of these.
   */
  readonly relativeBias?: (scope: Scope, buckets: Value) => Value;
  /** What follows the last layer before any head, mostly a norm: rows `[n, hidden]` to `[n, width]`. */
  readonly final: (scope: Scope, x: Value) => Value;
}

/** A decoder-only language model. */
export interface Decoder extends Stack, CheckpointForm {
  readonly kind: 'decoder';
  /** Rows `[n, width]` after the final norm to logits `[n, vocabulary]`. */
  readonly head: (scope: Scope, x: Value) => Value;
  /** The module path of the head. */
  readonly headModule: string;
}

/** What goes into the first layer, and each layer's rotary tables; null where a layer does not rotate. */
export interface Beginning {
  readonly x: Value;
  readonly rotary: (layer: number) => Rotary | null;
}

/** Rotary tables of a segment, each `[batch, time, rotated / 2]`: the first `rotated` dimensions of a head turn. */
export interface Rotary {
  readonly cos: Value;
  readonly sin: Value;
}

/** A stretch of positions that goes through the model at once. */
export interface Segment {
  readonly batch: Dim;
  readonly time: Dim;
  /** int64 `[batch, time]`. */
  readonly positions: Value;
  /** Which kind of token stands at each position, int64 `[batch, time]`; undefined where a model knows one kind alone. */
  readonly tokenTypes?: Value;
  /** What a decoder of an encoder attends to besides, by layer. */
  readonly cross?: (layer: number) => CrossAttention;
  /** Added to a layer's attention scores, `[batch or 1, 1 or heads, time, past + time]`: 0 where a key is seen, else very negative. */
  readonly bias: (layer: number) => Value;
  /** Keys and values of the positions before this segment, by layer; undefined when there are none. */
  readonly past: ((layer: number) => KeyValue) | undefined;
  /** Receives the keys and values of the past and this segment together. */
  readonly keep: (layer: number, keyValue: KeyValue) => void;
}

/** Keys and values of an encoder's positions for one layer, and what is added to their scores, `[batch, 1, 1, source]`. */
export interface CrossAttention extends KeyValue {
  readonly bias: Value;
}

/** Reads a family's config.json. */
export type DecoderFamily = (config: ModelConfig) => Decoder;

/** Runs the layers over embeddings `[batch, time, width]`; gives hidden states `[batch * time, hidden]` before the final norm. */
export function runLayers(stack: Stack, scope: Scope, embeddings: Value, segment: Segment): Value {
  const flat = scope.b.reshape(embeddings, [tokensOf(segment), stack.tokenEmbedding.width]);
  let { x, rotary } = stack.begin(scope, flat, segment);
  for (let i = 0; i < stack.sizes.layers; i++) x = stack.layer(scope, i, x, segment, rotary(i));
  return x;
}

/** The number of rows a segment has when batch and time are one axis. */
export function tokensOf(segment: Segment): Dim {
  return product([segment.batch, segment.time]);
}
