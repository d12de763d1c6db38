import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import { product } from '../onnx/dims.ts';
import { type CrossAttention, type DecoderSizes, type Rotary, type Segment, tokensOf } from './decoder.ts';
import type { Scope } from './scope.ts';
import { softCapped } from './softCap.ts';

/** What one layer's attention is about. */
export interface Attention {
  readonly layer: number;
  readonly sizes: DecoderSizes;
  /** Factor on the scores; 1/sqrt(headDim) in nearly every model. */
  readonly scale: number;
  readonly rotary: Rotary | null;
  /** Soft cap on the scores; none when absent. */
  readonly softCap?: number | null;
}

/**
 * Scaled dot-product attention with grouped key/value heads (https://arxiv.org/abs/1706.03762,
 * https://arxiv.org/abs/2305.13245) over q `[tokens, heads * headDim]` and k, v `[tokens, kvHeads * headDim]`; gives
 * `[tokens, heads * headDim]`. The query heads of a group are stacked along time, so that no key or value is repeated.
 */
export function attend(scope: Scope, segment: Segment, q: Value, k: Value, v: Value, attention: Attention): Value {
  const { b } = scope;
  const { heads, kvHeads, headDim } = attention.sizes;
  const rotate = (x: Value) => (attention.rotary === null ? x : rotated(b, x, attention.rotary));

  const query = b.scale(rotate(splitHeads(b, segment, q, heads, headDim)), attention.scale);
  let key = rotate(splitHeads(b, segment, k, kvHeads, headDim));
  let value = splitHeads(b, segment, v, kvHeads, headDim);
  const past = segment.past?.(attention.layer);
  if (past !== undefined) {
    key = b.concat([past.key, key], 2);
    value = b.concat([past.value, value], 2);
  }
  segment.keep(attention.layer, { key, value });
  return mixed(b, segment, query, { key, value, bias: segment.bias(attention.layer) }, attention.softCap ?? null);
}

/** Attention of a decoder's q `[tokens, heads * headDim]` to what an encoder gives; gives `[tokens, heads * headDim]`. */
export function attendAcross(scope: Scope, segment: Segment, q: Value, layer: number, sizes: DecoderSizes): Value {
  return mixed(
    scope.b,
    segment,
    splitHeads(scope.b, segment, q, sizes.heads, sizes.headDim),
    segment.cross!(layer),
    null,
  );
}

/** x `[tokens, count * headDim]` to `[batch, count, time, headDim]`. */
export function splitHeads(
  b: Builder,
  { batch, time }: Pick<Segment, 'batch' | 'time'>,
  x: Value,
  count: number,
  headDim: number,
): Value {
  return b.transpose(b.reshape(x, [batch, time, count, headDim]), [0, 2, 1, 3]);
}

/** Values mixed by the softmax of the scores: query `[batch, heads, time, headDim]` to `[tokens, heads * headDim]`. */
function mixed(
  b: Builder,
  segment: Segment,
  query: Value,
  { key, value, bias }: CrossAttention,
  softCap: number | null,
): Value {
  const { batch, time } = segment;
  const [heads, headDim] = [query.dims[1] as number, query.dims[3]!];
  const kvHeads = key.dims[1] as number;
  const total = key.dims[2]!;
  const stacked = product([heads / kvHeads, time]);
  const grouped = b.reshape(query, [batch, kvHeads, stacked, headDim]);
  const scores = b.reshape(b.matmul(grouped, b.swapLast(key)), [batch, heads, time, total]);
  const weights = b.softmax(b.add(softCapped(b, scores, softCap), bias));
  const mix = b.matmul(b.reshape(weights, [batch, kvHeads, stacked, total]), value);
  const joined = b.transpose(b.reshape(mix, [batch, heads, time, headDim]), [0, 2, 1, 3]);
  return b.reshape(joined, [tokensOf(segment), product([heads, headDim])]);
}

/** Rotates as many of the first dimensions of every head as the tables have; x `[batch, count, time, headDim]`. */
function rotated(b: Builder, x: Value, { cos, sin }: Rotary): Value {
  const headDim = x.dims[3] as number;
  const turning = 2 * (cos.dims[2] as number);
  if (turning === headDim) return b.rotaryEmbedding(x, cos, sin);
  const [first, rest] = b.split(x, 3, [turning, headDim - turning]);
  return b.concat([b.rotaryEmbedding(first!, cos, sin), rest!], 3);
}
