import { SoftpromptError } from '../foundation/errors.ts';
import type { Reading } from './reading.ts';

/** Log-probability of each of a closed set of answers after each prompt: `[prompt][answer]`, sums over an answer's tokens. */
export async function scoreAnswers(
  reading: Reading,
  answers: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<readonly Float64Array[]> {
  const scores = reading.next.map(() => new Float64Array(answers.length));
  for (const [a, answer] of answers.entries()) {
    if (signal.aborted) throw new SoftpromptError('cancelled', {});
    const rows = await reading.score(reading.next.map(() => answer));
    for (const [r, tokens] of rows.entries()) scores[r]![a] = tokens.reduce((sum, logprob) => sum + logprob, 0);
  }
  return scores;
}

/** Probabilities among a closed set from log-probabilities. */
export function normalise(scores: Float64Array): Float64Array {
  const max = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - max));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * The token ids of labels as answers. Where one label's tokens begin another's, all get the end token, so that the
 * shorter does not win merely for being a part of the longer.
 */
export function answerTokens(
  labels: readonly (readonly number[])[],
  endToken: number | null,
): readonly (readonly number[])[] {
  const begins = (a: readonly number[], b: readonly number[]) => a !== b && a.every((token, i) => b[i] === token);
  const nested = labels.some((a) => labels.some((b) => begins(a, b)));
  return nested && endToken !== null ? labels.map((label) => [...label, endToken]) : labels;
}
