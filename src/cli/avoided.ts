import type { ArmResult, EvaluationResult } from '../evaluation/result.ts';
import { formatTable } from './table.ts';

/** How likely the arms find what is to be avoided, and what the task paid for it; none where nothing is avoided. */
export function avoidedLines({ arms, metrics }: Pick<EvaluationResult, 'arms' | 'metrics'>): string[] {
  const measured = arms.filter(({ avoided }) => avoided !== undefined);
  const rows = measured[0]?.avoided?.rows;
  if (rows === undefined) return [];
  const base = arms.find(({ kind }) => kind === 'base');
  const heading = ['avoided', 'probability', 'of base', ...metrics];
  const line = ({ name, kind, avoided, metrics: figures }: ArmResult): string[] => [
    name,
    share(avoided!.log_probability),
    kind === 'base' ? '' : share(avoided!.change),
    ...metrics.map((metric) => paid(figures[metric], kind === 'base' ? null : base?.metrics[metric])),
  ];
  return [
    '',
    ...formatTable([heading, ...measured.map(line)]),
    '',
    `probability: of a token of the ${rows} completions to avoid (geometric mean); in brackets what the task paid or gained against the base model.`,
  ];
}

/** e to a logarithm, in three digits. */
function share(logarithm: number | null): string {
  return logarithm === null ? '-' : Math.exp(logarithm).toPrecision(3);
}

function paid(value: number | null | undefined, base: number | null | undefined): string {
  if (value === null || value === undefined) return '-';
  if (base === null || base === undefined) return value.toFixed(3);
  return `${value.toFixed(3)} (${value < base ? '' : '+'}${(value - base).toFixed(3)})`;
}
