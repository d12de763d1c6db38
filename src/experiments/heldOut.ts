import { type Split, splitRows, stratifiedSplit } from '../data/split.ts';
import { Random } from '../foundation/random.ts';
import type { Experiment } from './schema.ts';

/**
 * Which training rows `validation_split` sets aside: the same ones for everybody who asks. With labels each has its share of
 * both sides.
 * @param answers what each row expects, in any form that tells one answer from another; at least two rows
 */
export function heldOut(
  { data, labels, training }: Pick<Experiment, 'data' | 'labels' | 'training'>,
  answers: readonly string[],
): Split {
  const random = Random.of(training.seed, 'split');
  const uniform = () => random.uniform();
  const share = data.validation_split!;
  return labels === undefined ? splitRows(answers.length, share, uniform) : stratifiedSplit(answers, share, uniform);
}
