import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import { product } from '../onnx/dims.ts';
import { type DecoderSizes, type Rotary, type Segment, tokensOf } from './decoder.ts';
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
  const { batch, time } = segment;
  const { heads, kvHeads, headDim } = attention.sizes;
  const split = (x: Value, count: number) => b.transpose(b.reshape(x, [batch, time, count, headDim]), [0, 2, 1, 3]); // [batch, count, time, headDim]
  const rotate = (x: Value) => (attention.rotary === null ? x : rotated(b, x, attention.rotary));

  const query = b.scale(rotate(split(q, heads)), attention.scale);
  let key = rotate(split(k, kvHeads));
  let value = split(v, kvHeads);
  const past = segment.past?.(attention.layer);
  if (past !== undefined) {
    key = b.concat([past.key, key], 2);
    value = b.concat([past.value, value], 2);
  }
  segment.keep(attention.layer, { key, value });

  const total = key.dims[2]!;
  const stacked = product([heads / kvHeads, time]);
  const grouped = b.reshape(query, [batch, kvHeads, stacked, headDim]);
  const scores = b.reshape(b.matmul(grouped, b.swapLast(key)), [batch, heads, time, total]);
  const capped = softCapped(b, scores, attention.softCap ?? null);
  const weights = b.softmax(b.add(capped, segment.bias(attention.layer)));
  const mixed = b.matmul(b.reshape(weights, [batch, kvHeads, stacked, total]), value);
  const joined = b.transpose(b.reshape(mixed, [batch, heads, time, headDim]), [0, 2, 1, 3]);
  return b.reshape(joined, [tokensOf(segment), heads * headDim]);
}

/** Rotates as many of the first dimensions of every head as the tables have; x `[batch, count, time, headDim]`. */
function rotated(b: Builder, x: Value, { cos, sin }: Rotary): Value {
  const headDim = x.dims[3] as number;
  const turning = 2 * (cos.dims[2] as number);
  if (turning === headDim) return b.rotaryEmbedding(x, cos, sin);
  const [first, rest] = b.split(x, 3, [turning, headDim - turning]);
  return b.concat([b.rotaryEmbedding(first!, cos, sin), rest!], 3);
}
