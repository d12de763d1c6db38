import { type Judged, scoreOf } from './metrics/rowSums.ts';
import { metricRules } from './metrics/table.ts';
import type { LeakedRow, MetricName } from './result.ts';

/** Rows that are named one by one. */
const named = 5;

/**
 * How many rows are training rows too, and what the arms' figures are without them; none where no row is.
 * @param arms with what each answered, in the order of the rows
 */
export function leakRemark(
  leaked: readonly LeakedRow[],
  arms: readonly { readonly name: string; readonly rows: readonly Judged[] }[],
  metric: MetricName | undefined,
  labels: readonly string[] | null,
): readonly string[] {
  const rows = arms[0]?.rows.length ?? 0;
  if (leaked.length === 0) return [];
  const same = leaked.filter(({ similarity }) => similarity === 1).length;
  const kinds = [same > 0 ? `${same} the same` : [], same < leaked.length ? `${leaked.length - same} nearly` : []];
  const lines = leaked.slice(0, named).map(({ line, training_line }) => `${line} is ${training_line}`);
  const which = `by line: ${lines.join(', ')}${leaked.length > named ? ', ...' : ''}`;
  const counted = `${leaked.length} of ${rows} test rows are training rows too (${kinds.flat().join(', ')}; ${which}).`;
  if (leaked.length === rows) return [`${counted} No figure says what happens on rows that were never seen.`];
  if (metric === undefined) return [counted];
  const seen = new Set(leaked.map(({ index }) => index));
  const figures = arms.flatMap(({ name, rows: judged }) => {
    const unseen = judged.filter((_, i) => !seen.has(i));
    const sums = metricRules[metric].sums(unseen, labels);
    const score = sums === null ? null : scoreOf(sums);
    return score === null ? [] : [`${name} ${score.toFixed(3)}`];
  });
  return [figures.length === 0 ? counted : `${counted} Without them, ${metric}: ${figures.join(', ')}.`];
}
