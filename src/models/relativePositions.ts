import { integers, type Tensor } from '../runtime/tensor.ts';

/** T5's relative positions, https://arxiv.org/abs/1910.10683, section 2.1: distances fall into buckets, far ones share them. */
export interface RelativePositions {
  readonly buckets: number;
  /** From here on all distances fall into the last bucket. */
  readonly maxDistance: number;
  /** Whether keys after a query have buckets of their own. */
  readonly bidirectional: boolean;
}

/** The bucket of a key that stands `distance` positions after a query (before it: negative), as T5 counts in float32. */
export function relativeBucket(distance: number, { buckets, maxDistance, bidirectional }: RelativePositions): number {
  const half = bidirectional ? Math.floor(buckets / 2) : buckets;
  const first = bidirectional && distance > 0 ? half : 0;
  const away = bidirectional ? Math.abs(distance) : Math.max(0, -distance);
  const exact = Math.floor(half / 2);
  if (away < exact) return first + away;
  const logarithm = Math.fround(Math.log(Math.fround(away / exact)));
  const scaled = Math.fround(Math.fround(logarithm / Math.log(maxDistance / exact)) * (half - exact));
  return first + Math.min(exact + Math.trunc(scaled), half - 1);
}

/**
 * The buckets of every query and key, int64 `[rows, time, keys]`, from the positions of each row's queries and keys.
 */
export function bucketTensor(
  relative: RelativePositions,
  queries: readonly ArrayLike<number>[],
  keys: readonly ArrayLike<number>[],
): Tensor {
  const time = queries[0]!.length;
  const width = keys[0]!.length;
  const found = new Float64Array(queries.length * time * width);
  let at = 0;
  for (const [r, own] of queries.entries()) {
    for (let t = 0; t < time; t++) {
      for (let s = 0; s < width; s++) found[at++] = relativeBucket(keys[r]![s]! - own[t]!, relative);
    }
  }
  return integers(found, [queries.length, time, width]);
}
