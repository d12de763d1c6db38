import type { ArmResult } from '../result.ts';
import { type Judged, type RowSums, rowSums } from './rowSums.ts';

type Confusion = NonNullable<ArmResult['confusion']>;

/** Precision, recall and F1 of one label; scikit-learn's classification_report. */
export interface ClassFigures {
  readonly label: string;
  /** Of the rows that were answered so, the share that is right; null where none was. */
  readonly precision: number | null;
  /** Of the rows that are so, the share that was found; null where none is. */
  readonly recall: number | null;
  readonly f1: number;
  /** Rows that are so. */
  readonly support: number;
}

/** counts[expected][answered]; answers outside the labels fall into the last column. */
export function confusionMatrix(rows: readonly Judged[], labels: readonly string[]): Confusion {
  const counts = labels.map(() => new Array<number>(labels.length + 1).fill(0));
  for (const row of rows) {
    const at = cellOf(row, labels);
    const [expected, answered] = [Math.floor(at / (labels.length + 1)), at % (labels.length + 1)];
    counts[expected]![answered]!++;
  }
  return { labels, counts };
}

function cellOf({ expected, answer }: Judged, labels: readonly string[]): number {
  const answered = labels.indexOf(answer.text);
  return labels.indexOf(expected) * (labels.length + 1) + (answered < 0 ? labels.length : answered);
}

/** Right answers of each label, rows that are so, and rows that were answered so; the last of those are outside the labels. */
interface Margins {
  readonly hits: Float64Array;
  readonly expected: Float64Array;
  readonly answered: Float64Array;
}

/** A metric of the confusion matrix, by its margins: resamples ask for it thousands of times. */
function ofConfusion(
  rows: readonly Judged[],
  labels: readonly string[] | null,
  score: (margins: Margins) => number,
): RowSums | null {
  if (labels === null) return null;
  const columns = labels.length + 1;
  const add = (row: Judged, into: Float64Array) => {
    into[cellOf(row, labels)] = 1;
  };
  return rowSums(labels.length * columns, rows, add, (sums) => {
    const hits = new Float64Array(labels.length);
    const expected = new Float64Array(columns);
    const answered = new Float64Array(columns);
    for (let i = 0; i < labels.length; i++) {
      hits[i] = sums[i * columns + i]!;
      for (let j = 0; j < columns; j++) {
        const count = sums[i * columns + j]!;
        expected[i] = expected[i]! + count;
        answered[j] = answered[j]! + count;
      }
    }
    return score({ hits, expected, answered });
  });
}

/** Figures of each label. */
export function classFigures({ labels, counts }: Confusion): readonly ClassFigures[] {
  return labels.map((label, i) => {
    const hits = counts[i]![i]!;
    const support = sum(counts[i]!);
    const answered = sum(counts.map((row) => row[i]!));
    return {
      label,
      precision: answered === 0 ? null : hits / answered,
      recall: support === 0 ? null : hits / support,
      f1: support + answered === 0 ? 0 : (2 * hits) / (support + answered),
      support,
    };
  });
}

/** Unweighted mean of the labels' F1 scores; a label that is neither expected nor answered counts 0, as in scikit-learn. */
export function macroF1(rows: readonly Judged[], labels: readonly string[] | null): RowSums | null {
  return ofConfusion(rows, labels, ({ hits, expected, answered }) => {
    const scores = Array.from(hits, (right, i) => {
      const both = expected[i]! + answered[i]!;
      return both === 0 ? 0 : (2 * right) / both;
    });
    return sum(scores) / scores.length;
  });
}

/**
 * Matthews' correlation of expected and answered labels: Gorodkin, https://doi.org/10.1016/j.compbiolchem.2004.09.006, as in
 * scikit-learn's matthews_corrcoef; 0 where either is always the same.
 */
export function matthews(rows: readonly Judged[], labels: readonly string[] | null): RowSums | null {
  return ofConfusion(rows, labels, ({ hits, expected, answered }) => {
    const all = sum(expected);
    const dot = (a: Float64Array, b: Float64Array) => a.reduce((total, x, i) => total + x * b[i]!, 0);
    const spread = (all * all - dot(answered, answered)) * (all * all - dot(expected, expected));
    return spread === 0 ? 0 : (sum(hits) * all - dot(expected, answered)) / Math.sqrt(spread);
  });
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const x of numbers) total += x;
  return total;
}
