import { type LabelledRow, unsupervised } from './labelledRow.ts';
import { counting } from './rowMatrices.ts';

/** The ids of a suffix of virtual tokens in a row: they go on from the vocabulary's last. */
export function suffixIds(count: number, vocabulary: number): readonly number[] {
  return counting(count, vocabulary);
}

/**
 * A causal row with so many virtual tokens inside, right before the first token that is supervised (at the end where none
 * is). The first token of all never is: nothing that was given stands before it.
 */
export function withSuffix(row: LabelledRow, count: number, vocabulary: number): LabelledRow {
  if (count === 0) return row;
  const labels = Array.from(row.labels);
  const first = labels.findIndex((label, t) => t > 0 && label !== unsupervised);
  const at = first < 0 ? labels.length : first;
  const ids = Array.from(row.inputIds);
  const none = counting(count);
  return {
    inputIds: [...ids.slice(0, at), ...suffixIds(count, vocabulary), ...ids.slice(at)],
    labels: [...labels.slice(0, at), ...none.map(() => unsupervised), ...labels.slice(at)],
    ...(row.weights !== undefined && {
      weights: [...Array.from(row.weights).slice(0, at), ...none.map(() => 0), ...Array.from(row.weights).slice(at)],
    }),
  };
}
