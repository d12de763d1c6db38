import { SoftpromptError } from '../foundation/errors.ts';
import type { LabelledRow } from '../models/labelledRow.ts';
import type { AttachedModel } from './languageModel.ts';

/** The score of a row: natural-log probabilities of its supervised tokens (of its class, in classification), in order. */
export type RowScore = Float32Array;

/** A row's score, and its place among the rows. */
export interface ScoredRow {
  readonly index: number;
  readonly score: RowScore;
  /** Logits of the classes, in classification. */
  readonly logits: Float32Array | null;
}

/** Rows scored in one run, so that progress shows and cancelling is quick. */
const batchRows = 16;

/**
 * Scores rows, those of like length together; yields each batch's scores with the rows' indices. Padding changes nothing.
 */
export async function* scoreRows(
  attached: AttachedModel,
  rows: readonly LabelledRow[],
  signal: AbortSignal,
): AsyncGenerator<readonly ScoredRow[]> {
  const runner = await attached.language.lossRunner(attached.method);
  const order = rows.map((_, i) => i).sort((a, b) => rows[a]!.inputIds.length - rows[b]!.inputIds.length);
  for (let at = 0; at < order.length; at += batchRows) {
    if (signal.aborted) throw new SoftpromptError('cancelled', {});
    const indices = order.slice(at, at + batchRows);
    const { logprobs, logits } = await runner.run(
      indices.map((i) => rows[i]!),
      attached.tensors,
    );
    yield indices.map((index, i) => ({ index, score: logprobs[i]!, logits: logits[i] ?? null }));
  }
}

/** Mean negative log-probability, nats a token; NaN for a row without supervised tokens. */
export function meanLoss(score: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < score.length; i++) sum -= score[i]!;
  return sum / score.length;
}
