import type { ReliabilityBin } from '../metrics/calibration.ts';
import { scale } from './axis.ts';
import { type Drawing, label, type Shape } from './drawing.ts';
import { count, figure } from './figureText.ts';

/** Sides of the square, and height of the strip of counts below it. */
const [side, strip] = [200, 36] as const;
const margin = { left: 44, right: 12, top: 10, between: 8, bottom: 40 };
const marks = [0, 0.25, 0.5, 0.75, 1];

/** The mean distance of confidence and accuracy, weighted by rows: the expected calibration error of these bins. */
export function binnedError(bins: readonly ReliabilityBin[]): number {
  const rows = bins.reduce((sum, bin) => sum + bin.rows, 0);
  return bins.reduce((sum, { rows: n, confidence, accuracy }) => sum + (n / rows) * Math.abs(confidence - accuracy), 0);
}

/**
 * Accuracy by confidence: a bar a bin up to the share of right answers, a point at its mean confidence, the diagonal where both
 * are equal, and below how many rows each bin has.
 */
export function reliabilityDrawing(arm: string, bins: readonly ReliabilityBin[]): Drawing {
  const [bottom, right] = [margin.top + side, margin.left + side];
  const x = scale(0, 1, margin.left, right);
  const y = scale(0, 1, bottom, margin.top);
  const foot = bottom + margin.between + strip;
  const most = Math.max(...bins.map(({ rows }) => rows));
  const tall = scale(0, most, 0, strip);
  const height = foot + margin.bottom;
  return {
    width: right + margin.right,
    height,
    words: wordsOf(arm, bins),
    shapes: [
      ...marks.flatMap((mark): Shape[] => [
        { tag: 'path', attributes: { class: 'grid', d: `M${margin.left} ${y(mark)}H${right}` } },
        ...(mark % 0.5 === 0
          ? [label(String(mark), margin.left - 7, y(mark), 'end'), label(String(mark), x(mark), foot + 13, 'middle')]
          : []),
      ]),
      ...bins.map((bin): Shape => bar('bar', bin, y(bin.accuracy), bottom - y(bin.accuracy), x)),
      ...bins.map((bin): Shape => bar('count', bin, foot - tall(bin.rows), tall(bin.rows), x)),
      { tag: 'path', attributes: { class: 'grid', d: `M${margin.left} ${foot}H${right}` } },
      { tag: 'path', attributes: { class: 'diagonal', d: `M${margin.left} ${bottom}L${right} ${margin.top}` } },
      ...bins.map(
        (bin): Shape => ({
          tag: 'circle',
          attributes: { class: 'bin', cx: x(bin.confidence), cy: y(bin.accuracy), r: 3.5 },
          hint: binWords(bin),
        }),
      ),
      label('confidence', (margin.left + right) / 2, height - 10, 'middle', 'axis'),
      {
        tag: 'text',
        attributes: {
          class: 'axis',
          'text-anchor': 'middle',
          transform: `translate(12 ${margin.top + side / 2}) rotate(-90)`,
        },
        text: 'accuracy',
      },
      label('rows', margin.left - 7, foot - strip / 2, 'end'),
    ],
  };
}

function bar(name: string, bin: ReliabilityBin, y: number, height: number, x: (share: number) => number): Shape {
  const [left, right] = [x(bin.from) + 1, x(bin.to) - 1];
  return { tag: 'rect', attributes: { class: name, x: left, y, width: right - left, height }, hint: binWords(bin) };
}

function binWords({ rows, confidence, accuracy }: ReliabilityBin): string {
  return `confidence ${figure(confidence)}: accuracy ${figure(accuracy)} (${count(rows)} ${rows === 1 ? 'row' : 'rows'})`;
}

function wordsOf(arm: string, bins: readonly ReliabilityBin[]): string {
  return `How right ${arm} is by how sure it is: ${bins.map(binWords).join('; ')}. Expected calibration error ${figure(binnedError(bins))}.`;
}
