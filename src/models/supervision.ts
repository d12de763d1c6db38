import { type LabelledRow, unsupervised } from './labelledRow.ts';
import type { Task } from './task.ts';

/** A label of a row that counts. */
export interface Supervised {
  /** Its index among the row's labels. */
  readonly label: number;
  /** The token or class that is right. */
  readonly target: number;
  readonly weight: number;
}

/**
 * The labels of a row that count. In causal_lm the first position's counts only where a virtual token with a hidden state
 * stands before it.
 */
export function supervision(
  task: Task,
  { labels, weights }: LabelledRow,
  virtualHidden: boolean,
): readonly Supervised[] {
  const found: Supervised[] = [];
  for (let label = task === 'causal_lm' && !virtualHidden ? 1 : 0; label < labels.length; label++) {
    const target = labels[label]!;
    if (target !== unsupervised) found.push({ label, target, weight: weights?.[label] ?? 1 });
  }
  return found;
}

/** The sum of the weights of the labels that count. */
export function supervisedWeight(task: Task, row: LabelledRow, method: { readonly virtualHidden: boolean }): number {
  return supervision(task, row, method.virtualHidden).reduce((sum, { weight }) => sum + weight, 0);
}
