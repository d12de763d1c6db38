import type { Adapter } from '../methods/adapter.ts';
import type { LabelledRow } from '../models/labelledRow.ts';
import type { Asking } from './asking.ts';
import { guardFigure } from './guard.ts';
import type { Keeping } from './recall.ts';
import type { AvoidedFigure } from './result.ts';

/**
 * How likely a model with an adapter, or the base model, finds completions that are to be avoided. Yields how many rows are done.
 * @param base of the base model; null for itself, or where there is none
 */
export async function* avoidedFigure(
  setup: Keeping & Pick<Asking, 'language'>,
  rows: readonly LabelledRow[],
  adapter: Adapter | null,
  base: AvoidedFigure | null,
  signal: AbortSignal,
): AsyncGenerator<number, AvoidedFigure> {
  const { value } = yield* guardFigure(setup, { name: 'avoided', figure: 'perplexity', rows }, adapter, signal);
  const log_probability = value === null ? null : -Math.log(value);
  const from = base?.log_probability ?? null;
  return {
    rows: rows.length,
    log_probability,
    change: log_probability === null || from === null ? null : log_probability - from,
  };
}
