import { shuffled } from './batches.ts';

/** Two sets of row indices without a common one, each ascending. */
export interface Split {
  readonly train: readonly number[];
  readonly validation: readonly number[];
}

/**
 * Sets a share of the rows aside, at random: rounded to whole rows, at least one on either side.
 * @param count number of rows, at least 2
 * @param share share of the validation rows, between 0 and 1
 * @param random draws uniformly from [0, 1); the split is a function of its draws alone
 */
export function splitRows(count: number, share: number, random: () => number): Split {
  if (count < 2) throw new RangeError('a split needs two rows');
  const order = shuffled(
    Array.from({ length: count }, (_, i) => i),
    random,
  );
  const validation = Math.min(count - 1, Math.max(1, Math.round(count * share)));
  const ascending = (indices: readonly number[]) => indices.toSorted((a, b) => a - b);
  return { train: ascending(order.slice(validation)), validation: ascending(order.slice(0, validation)) };
}
