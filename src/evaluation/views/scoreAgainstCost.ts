import { metricMeanings } from '../metrics/meaning.ts';
import { paretoFront } from '../paretoFront.ts';
import type { ArmResult, EvaluationResult, MetricName } from '../result.ts';
import { count, duration, figure, milliseconds, size } from './figureText.ts';

/** What an arm may be weighed against its score by. */
export type CostAxisName = 'bytes' | 'parameters' | 'training' | 'token_ms' | 'seconds';

/** One of these. */
export interface CostAxis {
  /** A heading. */
  readonly title: string;
  /** Null where it is not known, or means nothing. */
  readonly of: (arm: ArmResult) => number | null;
  readonly text: (cost: number) => string;
  /** What marks of an axis near a cost count in, so that they are round. */
  readonly unit: (cost: number) => number;
}

/** All of them, the first one first. */
export const costAxes = {
  bytes: {
    title: 'Size on disk',
    of: ({ bytes }) => bytes,
    text: (bytes) => (bytes === 0 ? '0' : size(bytes)),
    unit: (bytes) => (bytes < 2 ** 20 ? 2 ** 10 : 2 ** 20),
  },
  parameters: {
    title: 'Trained parameters',
    of: ({ trainable_parameters }) => trainable_parameters,
    text: count,
    unit: () => 1,
  },
  training: {
    title: 'Time of training',
    of: ({ kind, training_seconds }) => training_seconds ?? (kind === 'adapter' ? null : 0),
    text: (seconds) => (seconds === 0 ? '0' : duration(seconds)),
    unit: () => 1,
  },
  token_ms: {
    title: 'Time of a token',
    of: ({ cost }) => cost?.token_ms ?? null,
    text: milliseconds,
    unit: () => 1,
  },
  seconds: {
    title: 'Time of all rows',
    of: ({ seconds }) => seconds,
    text: duration,
    unit: () => 1,
  },
} satisfies Record<CostAxisName, CostAxis>;

/** An arm with what it is worth and what it costs. */
export interface ScoredArm {
  readonly name: string;
  readonly kind: ArmResult['kind'];
  readonly score: number;
  readonly cost: number;
  /** Whether no other arm scores as well for as little, and better or for less. */
  readonly front: boolean;
}

/** What arms are worth by a metric against what they cost. */
export interface ScoreAgainstCost {
  readonly metric: MetricName;
  readonly axis: CostAxisName;
  /** The cheapest first; arms that lack one of the two are left out. */
  readonly arms: readonly ScoredArm[];
}

/** The arms by a metric and a cost. */
export function scoreAgainstCost(
  { arms }: Pick<EvaluationResult, 'arms'>,
  metric: MetricName,
  axis: CostAxisName,
): ScoreAgainstCost {
  const { of }: CostAxis = costAxes[axis];
  const known = arms.flatMap((arm) => {
    const [score, cost] = [arm.metrics[metric], of(arm)];
    const isKnown = score != null && Number.isFinite(score) && cost !== null && Number.isFinite(cost);
    return isKnown ? [{ name: arm.name, kind: arm.kind, score, cost }] : [];
  });
  const sign = metricMeanings[metric].moreIsBetter ? 1 : -1;
  const front = paretoFront(known, ({ score, cost }) => [sign * score, -cost]);
  const marked = known.map((arm) => ({ ...arm, front: front.has(arm) }));
  return { metric, axis, arms: marked.sort((a, b) => a.cost - b.cost || sign * (b.score - a.score)) };
}

/** Metrics and costs that tell arms apart; a chart of any other would be a line of points, or none. */
export function chartChoices({ arms, metrics }: Pick<EvaluationResult, 'arms' | 'metrics'>): {
  readonly metrics: readonly MetricName[];
  readonly axes: readonly CostAxisName[];
} {
  const distinct = (values: readonly (number | null | undefined)[]): number =>
    new Set(values.filter((value) => value != null && Number.isFinite(value))).size;
  return {
    metrics: metrics.filter((metric) => distinct(arms.map((arm) => arm.metrics[metric])) > 0 && arms.length > 1),
    axes: (Object.keys(costAxes) as CostAxisName[]).filter((axis) => distinct(arms.map(costAxes[axis].of)) > 1),
  };
}

/** What a chart of them shows, in words: the front, the cheapest first, and who is behind it. */
export function scoreWords({ metric, axis, arms }: ScoreAgainstCost): string {
  const { title, moreIsBetter } = metricMeanings[metric];
  const { title: costTitle, text }: CostAxis = costAxes[axis];
  const tell = (chosen: readonly ScoredArm[]): string =>
    chosen.map(({ name, score, cost }) => `${name} ${figure(score)} at ${text(cost)}`).join(', ');
  const behind = arms.filter(({ front }) => !front);
  const rest = behind.length === 0 ? '' : ` Behind it: ${tell(behind)}.`;
  return `${title} (${moreIsBetter ? 'more' : 'less'} is better) against ${costTitle.toLowerCase()}. On the front: ${tell(arms.filter(({ front }) => front))}.${rest}`;
}
