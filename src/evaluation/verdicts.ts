import { metricMeanings } from './metrics/meaning.ts';
import { type MetricRule, metricRules } from './metrics/table.ts';
import { type ArmResult, isBase, type MetricName, type PairResult } from './result.ts';

/** Chance of seeing such a difference without there being one, below which it is called one. */
const significance = 0.05;

/**
 * For each adapter a sentence: is it really better than the best arm without one? And where rows have a context, for each arm what
 * that is worth to it.
 */
export function verdictsOf(
  arms: readonly ArmResult[],
  pairs: readonly PairResult[],
  metric: MetricName,
  rows: number,
): readonly string[] {
  const { moreIsBetter } = metricMeanings[metric];
  const worth = (arm: ArmResult) => (arm.metrics[metric] ?? Number.NaN) * (moreIsBetter ? 1 : -1);
  const rivals = arms.filter(({ kind }) => kind !== 'adapter').filter((arm) => Number.isFinite(worth(arm)));
  const rival = rivals.reduce<ArmResult | null>(
    (best, arm) => (best === null || worth(arm) > worth(best) ? arm : best),
    null,
  );
  if (rival === null) return [];
  const pairOf = (a: string, b: string) => pairs.find((pair) => pair.a === a && pair.b === b);
  const tests = { rows, pairs: pairs.length, metric };
  return arms.flatMap((arm) => {
    const { name, kind, without_context } = arm;
    if (without_context !== undefined) {
      const pair = pairOf(name, without_context);
      return pair === undefined ? [] : [sentence(pair, `${without_context}, with the rows' context`, tests)];
    }
    if (kind !== 'adapter') return [];
    const pair = pairOf(name, rival.name);
    const lines = pair === undefined ? [] : [sentence(pair, `${rival.name}, the best without it`, tests)];
    return [...lines, ...contextLines(name, arms, pairOf, metric)];
  });
}

/** What an adapter adds to the base model with the rows' context and without it. */
function contextLines(
  name: string,
  arms: readonly ArmResult[],
  pairOf: (a: string, b: string) => PairResult | undefined,
  metric: MetricName,
): readonly string[] {
  const base = arms.find(({ kind }) => kind === 'base')?.name;
  const bare = (of: string | undefined) => arms.find(({ without_context }) => without_context === of)?.name;
  const [bareName, bareBase] = [bare(name), bare(base)];
  if (base === undefined || bareName === undefined || bareBase === undefined) return [];
  const [withIt, without] = [pairOf(name, base), pairOf(bareName, bareBase)];
  if (withIt === undefined || without === undefined) return [];
  const signed = ({ difference }: PairResult) => `${difference < 0 ? '' : '+'}${amount(metric, difference)}`;
  const unit = unitOf(metric);
  return [
    `What ${name} changes of the base model: ${signed(withIt)}${unit} with the context, ${signed(without)} without it.`,
  ];
}

/** 'NAME is better than RIVAL by 6.2 points of accuracy, 95 % CI 2.1 to 10.4 (500 rows; p = 0.003).' */
function sentence(
  pair: PairResult,
  rival: string,
  { rows, pairs, metric }: { readonly rows: number; readonly pairs: number; readonly metric: MetricName },
): string {
  const { a, b, difference, low, high, p_corrected: p, detectable } = pair;
  const { share } = metricRules[metric];
  const unit = unitOf(metric);
  const interval = `95 % CI ${amount(metric, low)} to ${amount(metric, high)}`;
  const basis = `${rows} rows${countText(pair, metric)}; ${chance(p, pairs)}`;
  if (p >= significance || difference === 0) {
    const least =
      share && detectable > 1
        ? 'so few could show no difference at all'
        : `they could show a difference of at least ${amount(metric, detectable)}${unit}`;
    return `These ${rows} rows cannot tell ${a} from ${b}: ${amount(metric, difference)}${unit}, ${interval} (${basis}); ${least}.`;
  }
  const better = difference > 0 === metricMeanings[metric].moreIsBetter;
  return `${a} is ${better ? 'better' : 'worse'} than ${rival}, by ${amount(metric, Math.abs(difference))}${unit}, ${interval} (${basis}).`;
}

function amount(metric: MetricName, x: number): string {
  return metricRules[metric].share ? (100 * x).toFixed(1) : figure(x);
}

function unitOf(metric: MetricName): string {
  return metricRules[metric].share ? ` points of ${metric}` : ` of ${metric}`;
}

/** 'p = 0.003 corrected over 15 pairs' */
function chance(p: number, pairs: number): string {
  return `p = ${p < 0.001 ? p.toExponential(1) : p.toFixed(3)}${pairs > 1 ? ` corrected over ${pairs} pairs` : ''}`;
}

/** For each adapter how it differs from the base model by a metric of the user's own, of which more may be better or worse. */
export function customVerdicts(
  arms: readonly ArmResult[],
  allPairs: readonly PairResult[],
  name: string,
  rows: number,
): readonly string[] {
  const pairs = allPairs.filter(({ metric }) => metric === name);
  const base = arms.find(isBase)?.name;
  return arms.flatMap((arm) => {
    const pair = pairs.find(({ a, b }) => arm.kind === 'adapter' && a === arm.name && b === base);
    if (pair === undefined) return [];
    const { difference, low, high, p_corrected: p } = pair;
    const basis = `95 % CI ${figure(low)} to ${figure(high)} (${rows} rows; ${chance(p, pairs.length)})`;
    const signed = `${difference < 0 ? '' : '+'}${figure(difference)}`;
    return p >= significance || difference === 0
      ? [`These ${rows} rows cannot tell ${arm.name} from ${base} by ${name}: ${signed}, ${basis}.`]
      : [`${arm.name} differs from ${base} in ${name} by ${signed}, ${basis}.`];
  });
}

function countText({ wins, losses }: PairResult, metric: MetricName): string {
  const { right }: MetricRule = metricRules[metric];
  return right !== undefined ? `, ${wins} won and ${losses} lost` : '';
}

function figure(x: number): string {
  return Math.abs(x) >= 100 ? x.toFixed(0) : x.toPrecision(3);
}
