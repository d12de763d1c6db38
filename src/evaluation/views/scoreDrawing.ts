import { metricMeanings } from '../metrics/meaning.ts';
import type { ArmResult } from '../result.ts';
import { scale, ticks, tickText } from './axis.ts';
import { costScale } from './costScale.ts';
import { type Drawing, label, type Shape } from './drawing.ts';
import { figure } from './figureText.ts';
import { type Box, placeLabels } from './labelPlaces.ts';
import { type CostAxis, costAxes, type ScoreAgainstCost, type ScoredArm, scoreWords } from './scoreAgainstCost.ts';

const margin = { left: 52, right: 12, top: 12, bottom: 44 };

/** What an arm's point is like, so that colour is not all that tells them apart: an outline around 0, 0. */
const outlines = {
  base: 'M-4.5-4.5h9v9h-9z',
  hard_prompt: 'M0-6L6 0L0 6L-6 0z',
  adapter: 'M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z',
} satisfies Record<ArmResult['kind'], string>;

/** Arms as points, cost to the right and score upwards; those on the front are full and joined by a step line. */
export function scoreDrawing(scored: ScoreAgainstCost, width: number, height: number): Drawing {
  const { metric, axis, arms } = scored;
  const { title, text, unit }: CostAxis = costAxes[axis];
  const frame = { left: margin.left, right: width - margin.right, top: margin.top, bottom: height - margin.bottom };
  const costs = arms.map(({ cost }) => cost);
  const x = costScale(costs, unit, frame.left, frame.right);
  const scores = arms.map(({ score }) => score);
  const marks = ticks(Math.min(...scores), Math.max(...scores));
  const y = scale(marks[0]!, marks.at(-1)!, frame.bottom - 8, frame.top + 8);
  const points = arms.map((arm) => ({ x: x.place(arm.cost), y: y(arm.score), text: arm.name }));
  const front = points.filter((_, i) => arms[i]!.front);
  const places = placeLabels(points, frame, stepBoxes(front, frame.right));
  return {
    width,
    height,
    words: scoreWords(scored),
    shapes: [
      ...marks.flatMap((mark): Shape[] => [
        { tag: 'path', attributes: { class: 'grid', d: `M${frame.left} ${y(mark)}H${frame.right}` } },
        label(tickText(mark), frame.left - 8, y(mark), 'end'),
      ]),
      ...x.ticks.flatMap((mark): Shape[] => [
        { tag: 'path', attributes: { class: 'grid', d: `M${x.place(mark)} ${frame.bottom}v4` } },
        label(text(mark), x.place(mark), frame.bottom + 15, 'middle'),
      ]),
      label(title, (frame.left + frame.right) / 2, height - 8, 'middle', 'axis'),
      { tag: 'path', attributes: { class: 'front', d: stepLine(front, frame.right) } },
      ...arms.map((arm, i) =>
        pointShape(arm, points[i]!, `${metricMeanings[metric].title} ${figure(arm.score)}, ${text(arm.cost)}`),
      ),
      ...arms.map(({ name, front: isOn }, i) => {
        const { x: left, y: top, anchor } = places[i]!;
        return label(name, left, top, anchor, isOn ? 'name on' : 'name');
      }),
    ],
  };
}

/** From point to point, right and then up or down, and on to the end. */
function stepLine(points: readonly { readonly x: number; readonly y: number }[], end: number): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  return `M${first.x} ${first.y}${rest.map(({ x, y }) => `H${x}V${y}`).join('')}H${end}`;
}

/** What such a line covers. */
function stepBoxes(points: readonly { readonly x: number; readonly y: number }[], end: number): readonly Box[] {
  return points.flatMap(({ x, y }, i) => {
    const next = points[i + 1];
    const right = next?.x ?? end;
    const along = { left: x, right, top: y - 2, bottom: y + 2 };
    if (next === undefined) return [along];
    return [along, { left: right - 2, right: right + 2, top: Math.min(y, next.y), bottom: Math.max(y, next.y) }];
  });
}

function pointShape(
  { name, kind, front }: ScoredArm,
  { x, y }: { readonly x: number; readonly y: number },
  figures: string,
): Shape {
  const attributes = {
    class: `arm ${kind}${front ? ' on' : ''}`,
    transform: `translate(${x} ${y})`,
    d: outlines[kind],
  };
  return { tag: 'path', attributes, hint: `${name}: ${figures}` };
}
