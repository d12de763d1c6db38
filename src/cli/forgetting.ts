import type { ArmResult, EvaluationResult, GuardFigure } from '../evaluation/result.ts';
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
    ...untouched(arms),
  ];
}

function figureText(figure: GuardFigure | undefined): string {
  if (figure === undefined || figure.value === null) return '-';
  const { value, change } = figure;
  return change === null || change === 0 ? value.toFixed(3) : `${value.toFixed(3)} (${signed(change)})`;
}

const signed = (change: number): string => `${change > 0 ? '+' : ''}${change.toFixed(3)}`;

/** One sentence when the base model is untouched after all adapters, else one for each that left a trace. */
function untouched(arms: readonly ArmResult[]): readonly string[] {
  const watched = arms.flatMap(({ name, base_untouched }) =>
    base_untouched === undefined ? [] : [{ name, ...base_untouched }],
  );
  if (watched.length === 0) return [];
  const traces = watched.flatMap(({ name, fingerprint, largest_logit_difference: difference }) => {
    if (!fingerprint) return [`The model's files changed while ${name} was evaluated.`];
    return difference === 0 ? [] : [`After ${name} was taken off, logits of the base model differ by ${difference}.`];
  });
  if (traces.length > 0) return traces;
  const after = watched.length === 1 ? watched[0]!.name : 'each adapter';
  return [`The base model is untouched: after ${after}, its files and logits are the same to the bit.`];
}
