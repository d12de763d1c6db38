import { metricMeanings } from '../evaluation/metrics/meaning.ts';
import type { ArmResult, EvaluationResult, MetricName, RowResult } from '../evaluation/result.ts';

/** Names of the arms that are best by a metric; several when they are equal, none when it applies to no arm. */
export function bestArms(arms: readonly ArmResult[], metric: MetricName): ReadonlySet<string> {
  const values = arms.map((arm) => arm.metrics[metric]).filter((value) => value != null && Number.isFinite(value));
  if (values.length === 0) return new Set();
  const best = metricMeanings[metric].moreIsBetter
    ? Math.max(...(values as number[]))
    : Math.min(...(values as number[]));
  return new Set(arms.filter((arm) => arm.metrics[metric] === best).map((arm) => arm.name));
}

/** Whether the arms do not all give the same answer to a row. */
export function disagrees(row: RowResult): boolean {
  const texts = Object.values(row.answers).map((answer) => answer.text.trim());
  return texts.some((text) => text !== texts[0]);
}

/** Finds rows by their text; prepared once for an evaluation because it is asked at each key. */
export class RowFilter {
  readonly #rows: readonly { readonly row: RowResult; readonly text: string; readonly disagrees: boolean }[];

  constructor(result: EvaluationResult) {
    this.#rows = result.rows.map((row) => ({
      row,
      text: [row.input, row.expected, ...Object.values(row.answers).map((answer) => answer.text)]
        .join('\n')
        .toLowerCase(),
      disagrees: disagrees(row),
    }));
  }

  /** Rows whose input, expected answer or any arm's answer holds `text` in any case. */
  rows(text: string, disagreementsOnly: boolean): readonly RowResult[] {
    const wanted = text.trim().toLowerCase();
    return this.#rows
      .filter((each) => (!disagreementsOnly || each.disagrees) && each.text.includes(wanted))
      .map(({ row }) => row);
  }
}
