import type { ModelConfig } from '../checkpoint/config.ts';
import { type Dim, product, type Value } from '../onnx/dims.ts';
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
}

/** A tensor the checkpoint must hold (or, `optional`, may). Names as transformers writes them. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly optional?: boolean;
}

/**
 * A decoder-only language model as a function from a config to graph blocks. One file an architecture family; the file
 * reads like its paper's diagram.
 */
export interface Decoder {
  readonly sizes: DecoderSizes;
  /** Every tensor of the checkpoint, by transformers' names. */
  readonly weights: readonly WeightSpec[];
  readonly tokenEmbedding: TokenEmbedding;
  /** The module path that old files leave out of their tensors' names (`transformer.`), or ''. */
  readonly basePrefix: string;
  /** Tensors that old files hold and nobody needs. */
  readonly ignored: RegExp | null;
  /**
   * What the layers of a segment share: position embeddings added to x, or rotary tables. x `[tokens, width]` becomes
   * `[tokens, hidden]`.
   */
  readonly begin: (scope: Scope, x: Value, segment: Segment) => Beginning;
  /** One layer: x `[tokens, hidden]` to `[tokens, hidden]`. */
  readonly layer: (scope: Scope, index: number, x: Value, segment: Segment, rotary: Rotary | null) => Value;
  /** Final norm and head: rows `[n, hidden]` to logits `[n, vocabulary]`. */
  readonly head: (scope: Scope, x: Value) => Value;
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
  /** Added to a layer's attention scores, `[batch or 1, 1, time, past + time]`: 0 where a key is seen, else very negative. */
  readonly bias: (layer: number) => Value;
  /** Keys and values of the positions before this segment, by layer; undefined when there are none. */
  readonly past: ((layer: number) => KeyValue) | undefined;
  /** Receives the keys and values of the past and this segment together. */
  readonly keep: (layer: number, keyValue: KeyValue) => void;
}

/** Reads a family's config.json. */
export type DecoderFamily = (config: ModelConfig) => Decoder;

/** Runs the layers over embeddings `[batch, time, width]`; gives hidden states `[batch * time, hidden]` before the final norm. */
export function runLayers(decoder: Decoder, scope: Scope, embeddings: Value, segment: Segment): Value {
  const flat = scope.b.reshape(embeddings, [tokensOf(segment), decoder.tokenEmbedding.width]);
  let { x, rotary } = decoder.begin(scope, flat, segment);
  for (let i = 0; i < decoder.sizes.layers; i++) x = decoder.layer(scope, i, x, segment, rotary(i));
  return x;
}

/** The number of rows a segment has when batch and time are one axis. */
export function tokensOf(segment: Segment): Dim {
  return product([segment.batch, segment.time]);
}
