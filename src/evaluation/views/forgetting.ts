import { type ArmResult, type EvaluationResult, type GuardFigure, isBase } from '../result.ts';
import type { FigureCell, FigureTable } from './figureTable.ts';
import { figure, signed } from './figureText.ts';

const figures = {
  perplexity: { title: 'Perplexity', moreIsBetter: false },
  accuracy: { title: 'Accuracy', moreIsBetter: true },
} satisfies Record<GuardFigure['figure'], { title: string; moreIsBetter: boolean }>;

/** For each guard what the base model and the adapters are on its rows; none without guards. */
export function guardTables({ arms }: Pick<EvaluationResult, 'arms'>): readonly FigureTable[] {
  // A hard prompt leaves the model as it is, and context is not in a guard's rows: their figures are another arm's.
  const shown = arms.filter(({ kind, without_context }) => kind !== 'hard_prompt' && without_context === undefined);
  const names = new Set(shown.flatMap(({ guard }) => Object.keys(guard ?? {})));
  return [...names].map((guard) => {
    const measured = shown.flatMap((arm) => {
      const found = arm.guard?.[guard];
      return found === undefined ? [] : [{ arm, found }];
    });
    const { figure: kind, rows } = measured[0]!.found;
    return {
      title: guard,
      caption: `${rows} ${rows === 1 ? 'row' : 'rows'} outside of the experiment; ${figures[kind].moreIsBetter ? 'more' : 'less'} is better`,
      head: ['Arm', figures[kind].title, 'Against base'],
      rows: measured.map(({ arm, found }) => ({
        name: arm.name,
        cells: [{ text: figure(found.value) }, isBase(arm) ? { text: '–' } : changeCell(found)],
      })),
    };
  });
}

function changeCell({ figure: kind, change }: GuardFigure): FigureCell {
  if (change === null) return { text: '–' };
  if (change === 0) return { text: 'none' };
  const isBetter = change > 0 === figures[kind].moreIsBetter;
  return { text: signed(change), tone: isBetter ? 'better' : 'worse' };
}

/** Whether the base model is what it was, in words: one sentence when it is after all adapters, else one for each trace. */
export function untouchedLines(
  arms: readonly ArmResult[],
): readonly { readonly text: string; readonly same: boolean }[] {
  const watched = arms.flatMap(({ name, base_untouched }) =>
    base_untouched === undefined ? [] : [{ name, ...base_untouched }],
  );
  if (watched.length === 0) return [];
  const traces = watched.flatMap(({ name, fingerprint, largest_logit_difference: difference }) => {
    if (!fingerprint) return [`The model's files changed while ${name} was evaluated.`];
    return difference === 0 ? [] : [`After ${name} was taken off, logits of the base model differ by ${difference}.`];
  });
  if (traces.length > 0) return traces.map((text) => ({ text, same: false }));
  const after = watched.length === 1 ? watched[0]!.name : 'each adapter';
  const text = `The base model is untouched: after ${after}, its files and logits are the same to the bit.`;
  return [{ text, same: true }];
}
