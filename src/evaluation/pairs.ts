import { setImmediate } from 'node:timers/promises';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { type Judged, type RowSums, scoreOf } from './metrics/rowSums.ts';
import { type MetricRule, metricRules } from './metrics/table.ts';
import type { MetricName, PairResult } from './result.ts';
import { signTest } from './signTest.ts';
import { smallestDifference, smallestNormalDifference } from './smallestDifference.ts';

/** Most and fewest resamples of a bootstrap; between them, as many as so many additions allow. */
const [mostResamples, fewestResamples, additions] = [10_000, 2000, 1e8];
/** Share of resamples that lies outside the interval at each end. */
const tail = 0.025;
/** Chance of a difference without there being one, below which it is called one, over all pairs together. */
const level = 0.05;
/** Additions between two looks at what else is to do, such as cancelling. */
const additionsAtOnce = 2e6;

/** An arm's rows. */
export interface PairedArm {
  readonly name: string;
  readonly rows: readonly Judged[];
}

/**
 * Compares every two arms on the same rows by a metric, pairs with the first arm first. Whether right and wrong answers differ by
 * chance is said by the exact sign test on the rows where they differ (McNemar's); for other metrics by how many resamples of the
 * rows turn the difference round (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16), but never as
 * surer than 2 / 2^k on k rows that differ, which is the best that exchanging the arms' rows could show. Intervals are
 * percentiles of the resampled differences; both arms of a pair are drawn alike. P values are corrected over all pairs (Holm
 * 1979, Scandinavian Journal of Statistics 6), and the smallest difference is for the first of Holm's steps.
 * @throws SoftpromptError cancelled
 */
export async function comparePairs(
  arms: readonly PairedArm[],
  metric: MetricName,
  labels: readonly string[] | null,
  seed: number,
  signal: AbortSignal,
): Promise<readonly PairResult[]> {
  const sums = arms.map(({ rows }) => metricRules[metric].sums(rows, labels));
  const scores = sums.map((each) => (each === null ? null : scoreOf(each)));
  if (scores.filter((score) => score !== null).length < 2) return [];
  const drawn = await resampledScores(sums, arms[0]!.rows.length, Random.of(seed, 'bootstrap'), signal);
  const { right }: MetricRule = metricRules[metric];
  return pairsOf(arms, { metric, right, scores, drawn }, (i, j) => differingRows(sums[i]!, sums[j]!));
}

/**
 * The same by a metric of the user's own, of which nothing is known but its figures: of all rows, and of resamples.
 * @param scores by arm
 * @param drawn `[resamples][arms]`
 */
export function compareCustomPairs(
  arms: readonly PairedArm[],
  metric: string,
  scores: readonly number[],
  drawn: readonly (readonly (number | null)[])[],
): readonly PairResult[] {
  if (drawn.length === 0) return [];
  const text = (arm: number, row: number) => arms[arm]!.rows[row]!.answer.text;
  const differing = (i: number, j: number) => arms[i]!.rows.filter((_, row) => text(i, row) !== text(j, row)).length;
  return pairsOf(arms, { metric, right: undefined, scores, drawn }, differing);
}

/** What a metric gave for each arm, on all rows and on resamples of them. */
interface Resampled {
  readonly metric: string;
  /** Whether a row is right, of a metric that counts right ones. */
  readonly right: MetricRule['right'];
  readonly scores: readonly (number | null)[];
  readonly drawn: readonly (readonly (number | null)[])[];
}

/** @param differing on how many rows two arms differ */
function pairsOf(
  arms: readonly PairedArm[],
  found: Resampled,
  differing: (i: number, j: number) => number,
): readonly PairResult[] {
  const { scores, drawn } = found;
  const compared = arms.flatMap((_, i) => arms.slice(0, i).map((_, j) => [i, j] as const));
  const defined = compared.filter(([i, j]) => scores[i] !== null && scores[j] !== null);
  const pairs = defined.map(([i, j]) => {
    const differences = drawn.flatMap((each) => {
      const [p, q] = [each[i]!, each[j]!];
      return p === null || q === null ? [] : [p - q];
    });
    const difference = scores[i]! - scores[j]!;
    return pairOf(found, [arms[i]!, arms[j]!], difference, differences, differing(i, j), level / defined.length);
  });
  return holm(pairs.toSorted((x, y) => Number(y.b === arms[0]!.name) - Number(x.b === arms[0]!.name)));
}

function pairOf(
  { metric, right }: Resampled,
  [a, b]: readonly [PairedArm, PairedArm],
  difference: number,
  differences: readonly number[],
  differing: number,
  first: number,
): Omit<PairResult, 'p_corrected'> {
  const sorted = Float64Array.from(differences).sort();
  const isRight = right ?? (({ answer }: Judged) => answer.correct);
  const wins = a.rows.filter((row, i) => isRight(row) && !isRight(b.rows[i]!)).length;
  const losses = a.rows.filter((row, i) => !isRight(row) && isRight(b.rows[i]!)).length;
  const count = a.rows.length;
  const under = sorted.filter((x) => x <= 0).length;
  const over = sorted.filter((x) => x >= 0).length;
  const turned = Math.max((2 * (1 + Math.min(under, over))) / (1 + sorted.length), 2 ** (1 - differing));
  const cut = Math.max(1, Math.floor(tail * (sorted.length + 1)));
  return {
    ...{ a: a.name, b: b.name, metric, difference },
    low: sorted[cut - 1] ?? difference,
    high: sorted[sorted.length - cut] ?? difference,
    p: right === undefined ? Math.min(1, turned) : signTest(wins, losses),
    ...{ wins, losses, ties: count - wins - losses },
    odds: right !== undefined && losses > 0 ? wins / losses : null,
    detectable:
      right === undefined
        ? smallestNormalDifference(deviation(sorted), first)
        : smallestDifference(count, wins + losses, first),
  };
}

/** Rows that add something else to one arm than to the other. */
function differingRows(one: RowSums, other: RowSums): number {
  const rows = new Set<number>();
  for (const [at, value] of one.added.entries()) {
    if (!Object.is(value, other.added[at])) rows.add(Math.floor(at / one.width));
  }
  return rows.size;
}

/** Scores of every arm on resamples of the rows; null where a metric is not defined there. */
async function resampledScores(
  arms: readonly (RowSums | null)[],
  count: number,
  random: Random,
  signal: AbortSignal,
): Promise<readonly (readonly (number | null)[])[]> {
  const starts: number[] = [];
  let width = 0;
  for (const arm of arms) {
    starts.push(width);
    width += arm?.width ?? 0;
  }
  const { ends, places, values } = addedByRow(arms, starts, count);
  const sums = new Float64Array(width);
  const of = arms.map((arm, i) => sums.subarray(starts[i]!, starts[i]! + (arm?.width ?? 0)));
  const each = Math.max(1, places.length + width);
  const resamples = Math.min(mostResamples, Math.max(fewestResamples, Math.floor(additions / each)));
  const scores: (readonly (number | null)[])[] = [];
  let pausedAt = 0;
  while (scores.length < resamples) {
    if ((scores.length - pausedAt) * each >= additionsAtOnce) {
      await setImmediate();
      pausedAt = scores.length;
    }
    if (signal.aborted) throw new SoftpromptError('cancelled', {});
    sums.fill(0);
    for (let drawn = 0; drawn < count; drawn++) {
      const row = random.integer(count);
      for (let k = row === 0 ? 0 : ends[row - 1]!; k < ends[row]!; k++) {
        const place = places[k]!;
        sums[place] = sums[place]! + values[k]!;
      }
    }
    scores.push(arms.map((arm, i) => arm?.score(of[i]!) ?? null));
  }
  return scores;
}

/**
 * What each row adds to all arms' sums, side by side and without zeros, so that a draw is one short walk: of a confusion matrix a
 * row touches one cell an arm, of thousands. Row i ends before `ends[i]`.
 */
function addedByRow(arms: readonly (RowSums | null)[], starts: readonly number[], count: number) {
  const ends: number[] = [];
  const places: number[] = [];
  const values: number[] = [];
  for (let row = 0; row < count; row++) {
    for (const [i, arm] of arms.entries()) {
      for (let k = 0; arm !== null && k < arm.width; k++) {
        const value = arm.added[row * arm.width + k]!;
        if (value === 0) continue;
        places.push(starts[i]! + k);
        values.push(value);
      }
    }
    ends.push(places.length);
  }
  return { ends: Uint32Array.from(ends), places: Uint32Array.from(places), values: Float64Array.from(values) };
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

function deviation(values: Float64Array): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, values.length - 1));
}
