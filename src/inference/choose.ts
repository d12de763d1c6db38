import { SoftpromptError } from '../foundation/errors.ts';
import { checkLength } from './generate.ts';
import type { AttachedModel } from './languageModel.ts';
import { logSoftmax } from './sampling.ts';

/**
 * Log-probability of each of a closed set of answers after each prompt: `[prompt][answer]`, sums over an answer's tokens.
 * The prompts go through the model once; answers of several tokens go on from there.
 */
export async function scoreAnswers(
  attached: AttachedModel,
  prompts: readonly (readonly number[])[],
  answers: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<readonly Float64Array[]> {
  const { maxPositions } = attached.language.model.decoder.sizes;
  const longest = Math.max(...answers.map((answer) => answer.length));
  for (const { length } of prompts) checkLength(length, attached.method.virtualTokens + longest - 1, maxPositions);
  const decoding = await attached.decode(prompts.length);
  const first = (await decoding.advance(prompts)).map(([last]) => logSoftmax(last!));
  const scores = prompts.map(() => new Float64Array(answers.length));
  for (const [a, answer] of answers.entries()) {
    if (signal.aborted) throw new SoftpromptError('cancelled', {});
    for (const [r, logprobs] of first.entries()) scores[r]![a] = logprobs[answer[0]!]!;
    if (answer.length === 1) continue;
    const rest = await decoding.fork().advance(
      prompts.map(() => answer.slice(0, -1)),
      true,
    );
    for (const [r, logits] of rest.entries()) {
      for (const [t, row] of logits.entries()) scores[r]![a]! += logSoftmax(row)[answer[t + 1]!]!;
    }
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
