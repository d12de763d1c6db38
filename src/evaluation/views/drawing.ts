/** A drawing in its own units, ready to be shown: the panel makes SVG elements of it, a report makes markup. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** What it shows, for those who do not see it. */
  readonly words: string;
  readonly shapes: readonly Shape[];
}

/** One SVG element of a drawing; colours and lines come from the style sheet by its `class`. */
export interface Shape {
  readonly tag: 'path' | 'circle' | 'rect' | 'text';
  readonly attributes: Readonly<Record<string, string | number>>;
  /** What a `text` says. */
  readonly text?: string;
  /** What is told of the shape under the mouse. */
  readonly hint?: string;
}

/** A text whose place is the middle of its line, and along it its start, middle or end. */
export function label(text: string, x: number, y: number, anchor: 'start' | 'middle' | 'end', name?: string): Shape {
  const attributes = { x, y, dy: '0.32em', 'text-anchor': anchor, ...(name !== undefined && { class: name }) };
  return { tag: 'text', attributes, text };
}
