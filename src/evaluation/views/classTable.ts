import type { ArmResult } from '../result.ts';
import type { FigureTable } from './figureTable.ts';
import { count, figure } from './figureText.ts';

/** Precision, recall and F1 of each label by one arm; null for open text. */
export function classTable({ name, classes }: ArmResult): FigureTable | null {
  if (classes === undefined || classes.length === 0) return null;
  return {
    title: `Labels by ${name}`,
    caption:
      'Precision: of the rows answered so, the share that is right. Recall: of the rows that are so, the share that was found',
    head: ['Label', 'Precision', 'Recall', 'F1', 'Rows'],
    rows: classes.map(({ label, precision, recall, f1, support }) => ({
      name: label,
      cells: [figure(precision), figure(recall), figure(f1), count(support)].map((text) => ({ text })),
    })),
  };
}
