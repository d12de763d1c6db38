import { Random } from '../foundation/random.ts';
import { type Judged, type RowSums, scoreOf } from './metrics/rowSums.ts';
import { metricRules } from './metrics/table.ts';
import type { MetricName, PairResult } from './result.ts';
import { signTest } from './signTest.ts';

/** Resamples of a bootstrap, and those that lie outside the interval at each end. */
const [resamples, tail] = [2000, 50];
/** Sum of the normal quantiles of a two-sided test at 0.05 and of a power of 0.8. */
const quantiles = 1.959964 + 0.841621;
/** As many rows that all differ one way are the fewest that the sign test can tell from chance: 2 / 2^6 < 0.05. */
const fewestDiffering = 6;

/** An arm's rows. */
export interface PairedArm {
  readonly name: string;
  readonly rows: readonly Judged[];
}

/**
 * Compares every two arms on the same rows by a metric. Whether right and wrong answers differ by chance is said by the exact
 * sign test on the rows where they differ (McNemar's); for other metrics by how many resamples of the rows turn the
 * difference round (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16). Intervals are
 * percentiles of the resampled differences; both arms of a pair are drawn alike. P values are corrected over all pairs (Holm
 * 1979, Scandinavian Journal of Statistics 6).
 */
export function comparePairs(
  arms: readonly PairedArm[],
  metric: MetricName,
  labels: readonly string[] | null,
  seed: number,
): readonly PairResult[] {
  const sums = arms.map(({ rows }) => metricRules[metric].sums(rows, labels));
  const drawn = resampledScores(sums, arms[0]?.rows.length ?? 0, Random.of(seed, 'bootstrap'));
  const pairs: Omit<PairResult, 'p_corrected'>[] = [];
  for (const [i, a] of arms.entries()) {
    for (const [j, b] of arms.slice(0, i).entries()) {
      const [one, other] = [sums[i] ?? null, sums[j] ?? null];
      if (one === null || other === null) continue;
      const [x, y] = [scoreOf(one), scoreOf(other)];
      if (x === null || y === null) continue;
      const differences = drawn.flatMap((scores) => {
        const [p, q] = [scores[i]!, scores[j]!];
        return p === null || q === null ? [] : [p - q];
      });
      pairs.push(pairOf(metric, a, b, x - y, differences));
    }
  }
  return holm(pairs);
}

function pairOf(
  metric: MetricName,
  a: PairedArm,
  b: PairedArm,
  difference: number,
  differences: readonly number[],
): Omit<PairResult, 'p_corrected'> {
  const sorted = [...differences].sort((x, y) => x - y);
  const right = ({ answer }: Judged) => answer.correct;
  const wins = a.rows.filter((row, i) => right(row) && !right(b.rows[i]!)).length;
  const losses = a.rows.filter((row, i) => !right(row) && right(b.rows[i]!)).length;
  const count = a.rows.length;
  const exact = metric === 'accuracy';
  const under = sorted.filter((x) => x <= 0).length;
  const over = sorted.filter((x) => x >= 0).length;
  const p = exact ? signTest(wins, losses) : Math.min(1, (2 * (1 + Math.min(under, over))) / (1 + sorted.length));
  return {
    ...{ a: a.name, b: b.name, metric, difference },
    low: sorted[tail - 1] ?? difference,
    high: sorted[sorted.length - tail] ?? difference,
    p,
    ...{ wins, losses, ties: count - wins - losses },
    odds: exact && losses > 0 ? wins / losses : null,
    detectable: exact
      ? Math.max(fewestDiffering / count, quantiles * Math.sqrt((wins + losses) / count / count))
      : quantiles * deviation(sorted),
  };
}

/** Scores of every arm on resamples of the rows; null where a metric is not defined there. */
function resampledScores(
  arms: readonly (RowSums | null)[],
  count: number,
  random: Random,
): readonly (readonly (number | null)[])[] {
  const sums = arms.map((arm) => new Float64Array(arm?.width ?? 0));
  return Array.from({ length: resamples }, () => {
    for (const each of sums) each.fill(0);
    for (let drawn = 0; drawn < count; drawn++) {
      const row = random.integer(count);
      for (const [i, arm] of arms.entries()) {
        if (arm === null) continue;
        const into = sums[i]!;
        const from = row * arm.width;
        for (let k = 0; k < arm.width; k++) into[k] = into[k]! + arm.added[from + k]!;
      }
    }
    return arms.map((arm, i) => arm?.score(sums[i]!) ?? null);
  });
}

/** Holm's step-down correction of the p values. */
function holm(pairs: readonly Omit<PairResult, 'p_corrected'>[]): readonly PairResult[] {
  const order = [...pairs].sort((x, y) => x.p - y.p);
  const corrected = new Map<object, number>();
  let largest = 0;
  for (const [i, pair] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (order.length - i) * pair.p));
    corrected.set(pair, largest);
  }
  return pairs.map((pair) => ({ ...pair, p_corrected: corrected.get(pair)! }));
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, values.length - 1));
}
