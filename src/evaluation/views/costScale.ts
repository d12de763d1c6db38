import { scale, ticks } from './axis.ts';

/** Where costs stand on an axis, and its marks. */
export interface CostScale {
  readonly place: (cost: number) => number;
  readonly ticks: readonly number[];
}

/** Costs further apart than this stand on a logarithmic axis. */
const widest = 20;
/** Room at the beginning of such an axis for costs of nothing. */
const zeroRoom = 44;
/** Room beside the outermost values, as a part of what lies between them. */
const beside = 0.08;

/**
 * The scale of some costs (none below 0) between two places: from 0 on, or from the least where all are alike; logarithmic where
 * they are far apart, with those of nothing at its beginning.
 * @param unitOf what marks near a cost count in, so that they are round
 */
export function costScale(
  costs: readonly number[],
  unitOf: (cost: number) => number,
  from: number,
  to: number,
): CostScale {
  const positive = costs.filter((cost) => cost > 0);
  const [least, most] = [Math.min(...positive), Math.max(...positive)];
  if (positive.length > 0 && most > widest * least) return logarithmic(costs, least, most, unitOf, from, to);
  const low = Math.min(...costs);
  const high = Math.max(...costs, low + Number.EPSILON);
  const unit = unitOf(high);
  const marks = ticks((low < high / 2 ? 0 : low) / unit, high / unit).map((tick) => tick * unit);
  const room = beside * (marks.at(-1)! - marks[0]!);
  return { place: scale(marks[0]! - room, marks.at(-1)! + room, from, to), ticks: marks };
}

function logarithmic(
  costs: readonly number[],
  least: number,
  most: number,
  unitOf: (cost: number) => number,
  from: number,
  to: number,
): CostScale {
  const hasZero = costs.includes(0);
  const powers = Math.log10(most / least);
  const factors = powers > 2.5 ? [1] : [1, 3];
  const first = Math.floor(Math.log10(least));
  const marks = Array.from({ length: Math.ceil(powers) + 2 }, (_, i) => 10 ** (first + i))
    .map((power) => {
      // A power of ten of units, where those of bytes are powers of two.
      const unit = unitOf(1.1 * power);
      return unit * 10 ** Math.round(Math.log10(power / unit));
    })
    .flatMap((mark) => factors.map((factor) => factor * mark))
    .filter((mark) => mark >= least * 0.8 && mark <= most * 1.25);
  const [low, high] = [Math.log10(Math.min(least, ...marks)), Math.log10(Math.max(most, ...marks))];
  const room = beside * (high - low);
  const place = scale(low - room, high + room, from + (hasZero ? zeroRoom : 0), to);
  return {
    place: (cost) => (cost > 0 ? place(Math.log10(cost)) : from + zeroRoom / 2),
    ticks: hasZero ? [0, ...marks] : marks,
  };
}
