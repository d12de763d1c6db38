import type { RowAnswer } from '../result.ts';

/** A row's expected answer with what an arm answered. */
export interface Judged {
  readonly expected: string;
  readonly answer: RowAnswer;
}

/**
 * A metric of some rows as sums over them: what each row adds, and what the sums come to. Another choice of the rows, as a
 * bootstrap draws it, needs no new look at them.
 */
export interface RowSums {
  /** Numbers a row adds. */
  readonly width: number;
  /** `[rows, width]` */
  readonly added: Float64Array;
  /** The metric of sums `[width]`; null where it is not defined. */
  readonly score: (sums: Float64Array) => number | null;
}

/** Sums over rows that each add some numbers. */
export function rowSums(
  width: number,
  rows: readonly Judged[],
  add: (row: Judged, into: Float64Array) => void,
  score: RowSums['score'],
): RowSums {
  const added = new Float64Array(rows.length * width);
  for (const [i, row] of rows.entries()) add(row, added.subarray(i * width, (i + 1) * width));
  return { width, added, score };
}

/** A metric that is the mean of a number of each row. */
export function meanOf(rows: readonly Judged[], value: (row: Judged) => number): RowSums {
  const add = (row: Judged, into: Float64Array) => into.set([value(row), 1]);
  return rowSums(2, rows, add, ([sum, count]) => (count === 0 ? null : sum! / count!));
}

/** The metric of all rows. */
export function scoreOf({ width, added, score }: RowSums): number | null {
  const sums = new Float64Array(width);
  for (let at = 0; at < added.length; at++) sums[at % width] = sums[at % width]! + added[at]!;
  return score(sums);
}

/** What an arm wrote: the text beside which labels were ranked, or the answer itself. */
export function written({ answer }: Judged): string {
  return answer.greedy ?? answer.text;
}
