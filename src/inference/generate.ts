import { SoftpromptError } from '../foundation/errors.ts';
import type { AttachedModel } from './languageModel.ts';
import { chooseToken, type Sampling } from './sampling.ts';

/** How to generate. */
export interface GenerateOptions {
  readonly maxNewTokens: number;
  /** Tokens that end a row; they are not part of what is returned. */
  readonly stopIds: readonly number[];
  /** Null for greedy. */
  readonly sampling: Sampling | null;
  readonly signal: AbortSignal;
}

/**
 * Continues rows of token ids, all at once; gives the new tokens of each. A row ends at a stop token, after
 * `maxNewTokens`, or where the model has no more positions.
 */
export async function generate(
  attached: AttachedModel,
  prompts: readonly (readonly number[])[],
  { maxNewTokens, stopIds, sampling, signal }: GenerateOptions,
): Promise<readonly (readonly number[])[]> {
  const { maxPositions } = attached.language.model.decoder.sizes;
  for (const prompt of prompts) checkLength(prompt.length, attached.method.virtualTokens, maxPositions);
  const outputs: number[][] = prompts.map(() => []);
  const ended = prompts.map(() => false);
  const decoding = await attached.decode(prompts.length);
  let next: readonly (readonly number[])[] = prompts;
  for (let count = 0; count < maxNewTokens && decoding.length < maxPositions; count++) {
    if (signal.aborted) throw new SoftpromptError('cancelled', {});
    const logits = await decoding.advance(next);
    next = logits.map(([last], r) => {
      const token = chooseToken(last!, sampling);
      if (stopIds.includes(token)) ended[r] = true;
      if (!ended[r]) outputs[r]!.push(token);
      return [token];
    });
    if (ended.every(Boolean)) break;
  }
  return outputs;
}

/** @throws SoftpromptError prompt-length when there is nothing to continue or no room for one more token */
export function checkLength(tokens: number, virtual: number, maxPositions: number): void {
  if (tokens === 0 || tokens + virtual >= maxPositions) {
    throw new SoftpromptError('prompt-length', { tokens, virtual, maxPositions });
  }
}
