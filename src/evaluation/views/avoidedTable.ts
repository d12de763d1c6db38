import { type EvaluationResult, isBase } from '../result.ts';
import type { FigureCell, FigureTable } from './figureTable.ts';

/** How likely the arms find what is to be avoided; null where nothing is. */
export function avoidedTable({ arms }: Pick<EvaluationResult, 'arms'>): FigureTable | null {
  const measured = arms.flatMap((arm) => (arm.avoided === undefined ? [] : [{ arm, ...arm.avoided }]));
  if (measured.length === 0) return null;
  return {
    title: 'What is to be avoided',
    caption: `Probability of a token of the ${measured[0]!.rows} completions to avoid (geometric mean), and as a part of the base model's; less is better`,
    head: ['Arm', 'Probability', 'Of base'],
    rows: measured.map(({ arm, log_probability, change }) => ({
      name: arm.name,
      cells: [{ text: share(log_probability) }, isBase(arm) ? { text: '–' } : changeCell(change)],
    })),
  };
}

function changeCell(change: number | null): FigureCell {
  const text = share(change);
  if (change === null || change === 0) return { text };
  return { text, tone: change < 0 ? 'better' : 'worse' };
}

/** e to a logarithm, in three digits. */
function share(logarithm: number | null): string {
  return logarithm === null ? '–' : Math.exp(logarithm).toPrecision(3);
}
