import { type Split, splitRows, stratifiedSplit } from '../data/split.ts';
import { Random } from '../foundation/random.ts';
import type { RowText } from './rowTexts.ts';
import type { Experiment } from './schema.ts';

/**
 * Which training rows `validation_split` sets aside: the same ones for everybody who asks. With labels each has its share of
 * both sides.
 * @param rows all rows of the file, at least two
 */
export function heldOut(
  { data, labels, training }: Pick<Experiment, 'data' | 'labels' | 'training'>,
  rows: readonly Pick<RowText, 'target'>[],
): Split {
  const random = Random.of(training.seed, 'split');
  const uniform = () => random.uniform();
  const share = data.validation_split!;
  if (labels === undefined) return splitRows(rows.length, share, uniform);
  return stratifiedSplit(
    rows.map(({ target }) => target),
    share,
    uniform,
  );
}
