import type { EvaluationResult, GuardFigure } from '../evaluation/result.ts';
import { untouchedLines } from '../evaluation/views/forgetting.ts';
import { formatTable } from './table.ts';

/** What the arms do to rows outside of the experiment, and whether the base model is still what it was; none without guards. */
export function forgettingLines({ arms }: Pick<EvaluationResult, 'arms'>): string[] {
  const first = arms.find(({ guard }) => guard !== undefined)?.guard;
  if (first === undefined) return [];
  const guards = Object.entries(first);
  const heading = ['forgotten', ...guards.map(([name, { figure }]) => `${name}, ${figure}`)];
  const rows = arms.map(({ name, guard }) => [name, ...guards.map(([of]) => figureText(guard?.[of]))]);
  const counts = guards.map(([name, { rows }]) => `${name}: ${rows} rows`).join(', ');
  return [
    '',
    ...formatTable([heading, ...rows]),
    '',
    `${counts}; in brackets the change against the base model.`,
    ...untouchedLines(arms).map(({ text }) => text),
  ];
}

function figureText(figure: GuardFigure | undefined): string {
  if (figure === undefined || figure.value === null) return '-';
  const { value, change } = figure;
  return change === null || change === 0 ? value.toFixed(3) : `${value.toFixed(3)} (${signed(change)})`;
}

const signed = (change: number): string => `${change > 0 ? '+' : ''}${change.toFixed(3)}`;
