import { metricMeanings } from '../evaluation/metrics/meaning.ts';
import type { FigureCell, FigureTable } from '../evaluation/views/figureTable.ts';
import { count, duration, figure, size } from '../evaluation/views/figureText.ts';
import type { MethodComparison } from '../experiments/compareMethods.ts';
import { type ComparisonRow, comparisonTable } from '../experiments/comparisonTable.ts';
import { formatRate } from './format.ts';

/** How the methods of a comparison were trained and what they score, the best first. */
export function methodsTable(comparison: MethodComparison): FigureTable {
  const { metric, rows } = comparisonTable(comparison);
  return {
    title: 'Methods',
    caption: 'Front: nothing else scores as well with as few bytes in as little training time',
    head: ['Method', metricMeanings[metric].title, 'Front', 'Learning rate', 'Steps', 'Training', 'Tokens/s', 'Memory'],
    rows: rows.filter(({ error }) => error === null).map((row) => ({ name: row.name, cells: cellsOf(row) })),
  };
}

/** Why methods could not be trained, a sentence each. */
export function failedMethods({ trainings }: MethodComparison): readonly string[] {
  return trainings.flatMap(({ method, error }) => (error === null ? [] : [`${method} was not trained: ${error}`]));
}

function cellsOf(row: ComparisonRow): readonly FigureCell[] {
  const shown = <T extends number>(value: T | null, text: (value: T) => string): FigureCell => ({
    text: value === null || value === 0 ? '–' : text(value),
  });
  return [
    { text: figure(row.score) },
    { text: row.pareto ? '●' : '' },
    shown(row.learning_rate, formatRate),
    shown(row.steps, count),
    shown(row.training_seconds, duration),
    shown(row.training_tokens_per_second, count),
    shown(row.training_memory_bytes, size),
  ];
}
