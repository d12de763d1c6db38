import type { ArmResult } from '../evaluation/result.ts';
import { h } from './dom.ts';

/** Expected labels (rows) against answers (columns) of one arm; the last column counts answers outside the labels. */
export function confusionMatrix(arm: ArmResult): HTMLElement {
  if (arm.confusion === null) {
    return h('p', { class: 'empty' }, 'Open text has no confusion matrix: it needs a closed set of labels.');
  }
  const { labels, counts } = arm.confusion;
  const answers = [...labels, 'other'];
  return h(
    'div',
    { class: 'wide', tabindex: '0', role: 'region', 'aria-label': `Confusion matrix of ${arm.name}` },
    h(
      'table',
      { class: 'confusion' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, 'expected ↓ answered →'),
          ...answers.map((each) => h('th', { scope: 'col' }, each)),
        ),
      ),
      h(
        'tbody',
        {},
        ...labels.map((label, i) => {
          const row = counts[i] ?? [];
          const total = row.reduce((sum, count) => sum + count, 0);
          return h(
            'tr',
            {},
            h('th', { scope: 'row' }, label),
            ...answers.map((_, j) => countCell(row[j] ?? 0, total, i === j)),
          );
        }),
      ),
    ),
  );
}

function countCell(count: number, total: number, right: boolean): HTMLElement {
  const cell = h('td', { class: count === 0 ? 'none' : right ? 'right' : 'wrong' }, String(count));
  cell.style.setProperty('--share', `${total === 0 ? 0 : Math.round((100 * count) / total)}%`);
  return cell;
}
