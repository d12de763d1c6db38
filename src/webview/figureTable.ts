import type { FigureCell, FigureTable } from '../evaluation/views/figureTable.ts';
import { h, spoken } from './dom.ts';

/** A table of figures that scrolls sideways by itself where the panel is narrow. */
export function figureTable({ title, caption, head, rows }: FigureTable): HTMLElement {
  return h(
    'div',
    { class: 'wide', tabindex: '0', role: 'region', 'aria-label': title },
    h(
      'table',
      { class: 'figure-table' },
      caption === null ? null : h('caption', {}, caption),
      h('thead', {}, h('tr', {}, ...head.map((name) => h('th', { scope: 'col' }, name)))),
      h(
        'tbody',
        {},
        ...rows.map(({ name, cells }) => h('tr', {}, h('th', { scope: 'row' }, name), ...cells.map(figureCell))),
      ),
    ),
  );
}

/** Better and worse are said by more than colour. */
function figureCell({ text, note, tone }: FigureCell): HTMLElement {
  const small = note === undefined ? null : h('span', { class: 'kind' }, note);
  if (tone === undefined) return h('td', {}, text, small);
  const mark = h('span', { 'aria-hidden': 'true' }, tone === 'better' ? ' ✓' : ' ✗');
  return h('td', { class: tone }, text, mark, spoken(` (${tone})`), small);
}
