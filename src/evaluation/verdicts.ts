import { type MetricRule, metricRules } from './metrics/table.ts';
import type { ArmResult, MetricName, PairResult } from './result.ts';

/** Chance of seeing such a difference without there being one, below which it is called one. */
const significance = 0.05;

/** For each adapter a sentence: is it really better than the best arm without one? */
export function verdictsOf(
  arms: readonly ArmResult[],
  pairs: readonly PairResult[],
  metric: MetricName,
  rows: number,
): readonly string[] {
  const { moreIsBetter } = metricRules[metric];
  const worth = (arm: ArmResult) => (arm.metrics[metric] ?? Number.NaN) * (moreIsBetter ? 1 : -1);
  const rivals = arms.filter(({ kind }) => kind !== 'adapter').filter((arm) => Number.isFinite(worth(arm)));
  const rival = rivals.reduce<ArmResult | null>(
    (best, arm) => (best === null || worth(arm) > worth(best) ? arm : best),
    null,
  );
  if (rival === null) return [];
  return arms
    .filter(({ kind }) => kind === 'adapter')
    .flatMap((adapter) => {
      const pair = pairs.find(({ a, b }) => a === adapter.name && b === rival.name);
      return pair === undefined ? [] : [sentence(pair, rows, pairs.length)];
    });
}

/** 'NAME is better than RIVAL by 6.2 points of accuracy, 95 % CI 2.1 to 10.4 (500 rows; p = 0.003).' */
function sentence(pair: PairResult, rows: number, pairs: number): string {
  const { a, b, metric, difference, low, high, p_corrected: p, detectable } = pair;
  const { moreIsBetter, share } = metricRules[metric];
  const amount = (x: number) => (share ? (100 * x).toFixed(1) : figure(x));
  const unit = share ? ` points of ${metric}` : ` of ${metric}`;
  const interval = `95 % CI ${amount(low)} to ${amount(high)}`;
  const basis = `${rows} rows${countText(pair)}; p = ${p < 0.001 ? p.toExponential(1) : p.toFixed(3)}${pairs > 1 ? ` corrected over ${pairs} pairs` : ''}`;
  if (p >= significance || difference === 0) {
    const least =
      share && detectable > 1
        ? 'so few could show no difference at all'
        : `they could show a difference of at least ${amount(detectable)}${unit}`;
    return `These ${rows} rows cannot tell ${a} from ${b}: ${amount(difference)}${unit}, ${interval} (${basis}); ${least}.`;
  }
  const better = difference > 0 === moreIsBetter;
  return `${a} is ${better ? 'better' : 'worse'} than ${b}, the best without it, by ${amount(Math.abs(difference))}${unit}, ${interval} (${basis}).`;
}

function countText({ metric, wins, losses }: PairResult): string {
  const { right }: MetricRule = metricRules[metric];
  return right !== undefined ? `, ${wins} won and ${losses} lost` : '';
}

function figure(x: number): string {
  return Math.abs(x) >= 100 ? x.toFixed(0) : x.toPrecision(3);
}
