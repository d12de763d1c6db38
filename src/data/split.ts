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

/**
 * The same so that each kind of row has its share on both sides: whole rows by largest remainder, and where a kind has two rows,
 * at least one on either side.
 * @param kinds what each row is, at least two rows
 */
export function stratifiedSplit(kinds: readonly string[], share: number, random: () => number): Split {
  if (kinds.length < 2) throw new RangeError('a split needs two rows');
  const groups = new Map<string, number[]>();
  for (const [i, kind] of kinds.entries()) {
    const rows = groups.get(kind);
    if (rows === undefined) groups.set(kind, [i]);
    else rows.push(i);
  }
  const shares = [...groups.values()].map((rows) => ({ rows: shuffled(rows, random), exact: rows.length * share }));
  const counts = shares.map(({ rows, exact }) => within(Math.floor(exact), rows.length));
  const wanted = Math.min(kinds.length - 1, Math.max(1, Math.round(kinds.length * share)));
  const remainders = shares
    .map(({ exact }, i) => ({ i, left: exact - counts[i]! }))
    .sort((a, b) => b.left - a.left || a.i - b.i);
  let missing = wanted - counts.reduce((sum, count) => sum + count, 0);
  for (const { i } of remainders) {
    const { length } = shares[i]!.rows;
    if (missing <= 0 || counts[i]! >= Math.max(1, length - 1)) continue;
    counts[i] = counts[i]! + 1;
    missing--;
  }
  const validation = shares.flatMap(({ rows }, i) => rows.slice(0, counts[i]));
  const chosen = new Set(validation);
  return {
    train: kinds.flatMap((_, i) => (chosen.has(i) ? [] : [i])),
    validation: validation.toSorted((a, b) => a - b),
  };
}

/** So many of a group that either side has one, where it has two. */
function within(count: number, length: number): number {
  return length < 2 ? 0 : Math.min(length - 1, Math.max(1, count));
}
