import type { EvaluationResult } from '../evaluation/result.ts';
import { formatTable } from './table.ts';

/** What the arms cost, as a table; none for evaluations of older versions. */
export function costLines({ arms }: Pick<EvaluationResult, 'arms'>): string[] {
  if (arms.every(({ cost }) => cost === undefined)) return [];
  const heading = ['cost', 'parameters', '%', 'bytes', 'memory', 'swap', 'first token', 'a token', 'training'];
  const rows = arms.map(({ name, trainable_parameters, bytes, cost, training_tokens_per_second: speed }) => [
    name,
    trainable_parameters.toLocaleString('en'),
    cost === undefined ? '-' : cost.trainable_percent.toPrecision(2),
    bytes.toLocaleString('en'),
    cost === undefined ? '-' : `${(cost.memory_bytes / 2 ** 20).toFixed(0)} MiB`,
    milliseconds(cost?.swap_ms),
    milliseconds(cost?.first_token_ms),
    milliseconds(cost?.token_ms),
    speed === undefined ? '' : `${speed.toFixed(0)} tokens/s`,
  ]);
  return [
    '',
    ...formatTable([heading, ...rows]),
    '',
    'memory: the most that the process held while the arm answered, with what other arms left in it.',
  ];
}

function milliseconds(time: number | null | undefined): string {
  return time === null || time === undefined ? '-' : `${time.toFixed(time < 10 ? 1 : 0)} ms`;
}
