import type { FigureCell, FigureTable } from '../../evaluation/views/figureTable.ts';
import { type Html, html } from './html.ts';

/** A table of figures as markup, with a heading of its own where it is asked for. */
export function figureTable({ title, caption, head, rows }: FigureTable, heading: boolean): Html {
  return html`${heading ? html`<h3>${title}</h3>` : ''}
<div class="wide"><table>
${caption === null ? '' : html`<caption>${caption}.</caption>`}
<thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    ({ name, cells }) => html`<tr><th scope="row">${name}</th>${cells.map(cell)}</tr>
`,
  )}</tbody></table></div>`;
}

/** Better and worse are said by more than colour. */
function cell({ text, note, tone }: FigureCell): Html {
  const mark =
    tone === undefined ? '' : html` <span class="mark" title="${tone}">${tone === 'better' ? '✓' : '✗'}</span>`;
  return html`<td${tone === undefined ? '' : html` class="${tone}"`}>${text}${mark}${note === undefined ? '' : html`<small>${note}</small>`}</td>`;
}
