/** A point that is to be labelled. */
export interface LabelledPoint {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** Where a point's label stands: the middle of its line, and which end of the text `x` is. */
export interface LabelPlace {
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'middle' | 'end';
}

/** A part of a drawing. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Of a letter, on average, and of a line; units of a drawing with a font of 12. */
const [letter, line] = [6.4, 14] as const;
/** From a point's middle to its label. */
const gap = 9;

/**
 * Places labels beside their points, in their order: each where it covers the least of points, labels, lines and what lies outside
 * of the frame.
 */
export function placeLabels(
  points: readonly LabelledPoint[],
  frame: Box,
  lines: readonly Box[],
): readonly LabelPlace[] {
  const dots = points.map(({ x, y }) => ({ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }));
  const taken: Box[] = [...dots, ...lines];
  return points.map((point) => {
    const tried = candidates(point).map((place) => {
      const box = boxOf(place, point.text);
      const outside = area(box) - shared(box, frame);
      return { place, box, cost: 3 * outside + taken.reduce((sum, other) => sum + shared(box, other), 0) };
    });
    const best = tried.reduce((least, each) => (each.cost < least.cost - 1 ? each : least));
    taken.push(best.box);
    return best.place;
  });
}

function candidates({ x, y }: LabelledPoint): readonly LabelPlace[] {
  const [up, down] = [y - line, y + line];
  return [
    { x: x + gap, y, anchor: 'start' },
    { x: x - gap, y, anchor: 'end' },
    { x, y: up, anchor: 'middle' },
    { x, y: down, anchor: 'middle' },
    { x: x + gap, y: up, anchor: 'start' },
    { x: x + gap, y: down, anchor: 'start' },
    { x: x - gap, y: up, anchor: 'end' },
    { x: x - gap, y: down, anchor: 'end' },
  ];
}

function boxOf({ x, y, anchor }: LabelPlace, text: string): Box {
  const width = letter * text.length;
  const left = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2;
  return { left, right: left + width, top: y - line / 2, bottom: y + line / 2 };
}

function area({ left, right, top, bottom }: Box): number {
  return Math.max(0, right - left) * Math.max(0, bottom - top);
}

function shared(a: Box, b: Box): number {
  const [left, right] = [Math.max(a.left, b.left), Math.min(a.right, b.right)];
  const [top, bottom] = [Math.max(a.top, b.top), Math.min(a.bottom, b.bottom)];
  return right <= left || bottom <= top ? 0 : (right - left) * (bottom - top);
}
