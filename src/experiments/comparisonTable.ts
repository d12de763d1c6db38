import { metricMeanings } from '../evaluation/metrics/meaning.ts';
import { paretoFront } from '../evaluation/paretoFront.ts';
import type { ArmResult, MetricName } from '../evaluation/result.ts';
import type { MethodComparison, MethodTraining } from './compareMethods.ts';

/** An arm of a comparison of methods, or a method that could not be trained. */
export interface ComparisonRow {
  readonly name: string;
  readonly kind: ArmResult['kind'];
  /** By the comparison's first metric. */
  readonly score: number | null;
  /** Whether no other arm has as good a score with as few bytes in as little training time, and is better in one of these. */
  readonly pareto: boolean;
  readonly parameters: number;
  readonly trainable_percent: number | null;
  readonly bytes: number;
  readonly learning_rate: number | null;
  readonly steps: number;
  readonly training_seconds: number;
  readonly training_tokens_per_second: number | null;
  readonly training_memory_bytes: number | null;
  readonly swap_ms: number | null;
  readonly first_token_ms: number | null;
  readonly token_ms: number | null;
  /** Why it could not be trained, or null. */
  readonly error: string | null;
}

/** All arms of a comparison by score, the best first, then what failed. */
export function comparisonTable({ trainings, evaluation }: MethodComparison): {
  readonly metric: MetricName;
  readonly rows: readonly ComparisonRow[];
} {
  const metric = evaluation.metrics[0]!;
  const rows = evaluation.arms.map((arm) =>
    rowOf(
      arm,
      metric,
      trainings.find(({ adapter }) => adapter !== null && adapter === arm.detail),
    ),
  );
  const sign = metricMeanings[metric].moreIsBetter ? 1 : -1;
  const worth = ({ score }: ComparisonRow) => (score === null ? Number.NEGATIVE_INFINITY : sign * score);
  const front = paretoFront(rows, (row) =>
    row.score === null ? null : [worth(row), -row.bytes, -row.training_seconds],
  );
  const marked = rows.map((row) => ({ ...row, pareto: front.has(row) }));
  const failed = trainings.filter(({ error }) => error !== null).map(failedRow);
  return { metric, rows: [...marked.sort((a, b) => worth(b) - worth(a) || a.bytes - b.bytes), ...failed] };
}

function rowOf(arm: ArmResult, metric: MetricName, training: MethodTraining | undefined): ComparisonRow {
  const { name, kind, bytes, trainable_parameters, cost } = arm;
  return {
    ...{ name, kind, score: arm.metrics[metric] ?? null, pareto: false },
    ...{ parameters: trainable_parameters, trainable_percent: cost?.trainable_percent ?? null, bytes },
    learning_rate: training?.learning_rate ?? null,
    steps: training?.steps ?? 0,
    training_seconds: training?.seconds ?? 0,
    training_tokens_per_second: training?.tokens_per_second ?? null,
    training_memory_bytes: training?.memory_bytes ?? null,
    ...{
      swap_ms: cost?.swap_ms ?? null,
      first_token_ms: cost?.first_token_ms ?? null,
      token_ms: cost?.token_ms ?? null,
    },
    error: null,
  };
}

function failedRow({ method, learning_rate, error }: MethodTraining): ComparisonRow {
  return {
    ...{ name: method, kind: 'adapter', score: null, pareto: false, parameters: 0, trainable_percent: null, bytes: 0 },
    ...{ learning_rate, steps: 0, training_seconds: 0, training_tokens_per_second: null, training_memory_bytes: null },
    ...{ swap_ms: null, first_token_ms: null, token_ms: null, error },
  };
}
