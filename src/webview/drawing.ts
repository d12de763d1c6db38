import type { Drawing, Shape } from '../evaluation/views/drawing.ts';

const svg = 'http://www.w3.org/2000/svg';

/** A drawing as an image of its own size, with its words for those who do not see it. */
export function drawingElement({ width, height, words, shapes }: Drawing): SVGSVGElement {
  const element = document.createElementNS(svg, 'svg');
  const attributes = { viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': words };
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...shapes.map(shapeElement));
  return element;
}

function shapeElement({ tag, attributes, text, hint }: Shape): SVGElement {
  const element = document.createElementNS(svg, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text !== undefined) element.textContent = text;
  if (hint !== undefined) {
    const title = document.createElementNS(svg, 'title');
    title.textContent = hint;
    element.append(title);
  }
  return element;
}
