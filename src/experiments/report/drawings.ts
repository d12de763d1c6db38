import type { Drawing, Shape } from '../../evaluation/views/drawing.ts';
import { Html, html } from './html.ts';

/** A drawing as markup. */
export function drawingMarkup({ width, height, words, shapes }: Drawing): Html {
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${words}">
${shapes.map(
  (shape) => html`${element(shape)}
`,
)}</svg>`;
}

function element({ tag, attributes, text, hint }: Shape): Html {
  const written = Object.entries(attributes).map(([name, value]) => html`${new Html(` ${name}`)}="${value}"`);
  const inside = text ?? (hint === undefined ? '' : html`<title>${hint}</title>`);
  // Names of elements and attributes are the drawing's own, never of a record.
  return html`${new Html(`<${tag}`)}${written}>${inside}${new Html(`</${tag}>`)}`;
}
