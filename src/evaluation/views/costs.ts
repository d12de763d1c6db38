import { type ArmResult, type EvaluationResult, isBase } from '../result.ts';
import type { FigureCell, FigureTable } from './figureTable.ts';
import { count, duration, milliseconds, size } from './figureText.ts';

/** A column, which is left out where no arm has a figure for it. */
interface CostColumn {
  readonly title: string;
  readonly cell: (arm: ArmResult, base: ArmResult | undefined) => FigureCell | null;
}

const columns: readonly CostColumn[] = [
  {
    title: 'Trained',
    cell: ({ trainable_parameters: trained, cost }) => {
      if (trained === 0) return null;
      return {
        text: count(trained),
        ...(cost !== undefined && { note: `${percent(cost.trainable_percent)} of the model` }),
      };
    },
  },
  { title: 'On disk', cell: ({ bytes }) => (bytes === 0 ? null : { text: size(bytes) }) },
  { title: 'Peak memory', cell: ({ cost }) => (cost === undefined ? null : { text: size(cost.memory_bytes) }) },
  { title: 'Swap', cell: ({ cost }) => (cost === undefined ? null : { text: milliseconds(cost.swap_ms) }) },
  { title: 'First token', cell: (arm, base) => timeCell(arm.cost?.first_token_ms, base?.cost?.first_token_ms) },
  { title: 'Each token', cell: (arm, base) => timeCell(arm.cost?.token_ms, base?.cost?.token_ms) },
  {
    title: 'Training',
    cell: ({ training_seconds: seconds, training_tokens_per_second: speed }) => {
      const pace = speed === undefined ? null : `${count(speed)} tokens/s`;
      if (seconds === undefined) return pace === null ? null : { text: pace };
      return { text: duration(seconds), ...(pace !== null && { note: pace }) };
    },
  },
];

/** What each arm costs, times beside those of the base model; null where that was not measured. */
export function costTable({ arms }: Pick<EvaluationResult, 'arms'>): FigureTable | null {
  if (arms.every(({ cost }) => cost === undefined)) return null;
  const base = arms.find(isBase);
  const shown = columns
    .map(({ title, cell }) => ({ title, cells: arms.map((arm) => cell(arm, arm === base ? undefined : base)) }))
    .filter(({ cells }) => cells.some((cell) => cell !== null));
  return {
    title: 'Cost',
    caption:
      'Measured where the rows were answered; the base model is without an adapter. Peak memory: the most that the process held while the arm answered, with what arms before it left there',
    head: ['Arm', ...shown.map(({ title }) => title)],
    rows: arms.map(({ name }, i) => ({ name, cells: shown.map(({ cells }) => cells[i] ?? { text: '–' }) })),
  };
}

function timeCell(time: number | null | undefined, base: number | null | undefined): FigureCell | null {
  if (time == null) return null;
  const text = milliseconds(time);
  if (base == null || base <= 0) return { text };
  const change = Math.round(100 * (time / base - 1));
  return { text, note: change === 0 ? 'as base' : `${change > 0 ? '+' : '−'}${Math.abs(change)} %` };
}

function percent(share: number): string {
  return `${Number(share.toPrecision(2))} %`;
}
