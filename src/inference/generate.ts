import { SoftpromptError } from '../foundation/errors.ts';
import type { AttachedModel } from './languageModel.ts';
import { Reading } from './reading.ts';
import { chooseToken, type Sampling } from './sampling.ts';

/** How to generate. */
export interface GenerateOptions {
  readonly maxNewTokens: number;
  /** Tokens that end a row; they are not part of what is returned. */
  readonly stopIds: readonly number[];
  /** Null for greedy; a list says it of each row, which then draws what it would draw alone. */
  readonly sampling: Sampling | readonly Sampling[] | null;
  readonly signal: AbortSignal;
}

/** Continues rows of token ids, all at once; gives the new tokens of each. */
export async function generate(
  attached: AttachedModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<readonly (readonly number[])[]> {
  return continueReading(await Reading.of(attached, prompts), options);
}

/**
 * Continues prompts that were read. A row ends at a stop token, after `maxNewTokens`, or where the model has no more
 * positions (the last of them predicts one more token).
 */
export async function continueReading(
  reading: Reading,
  { maxNewTokens, stopIds, sampling, signal }: GenerateOptions,
): Promise<readonly (readonly number[])[]> {
  const outputs: number[][] = reading.next.map(() => []);
  const ended = reading.next.map(() => false);
  const decoding = reading.fork();
  let logits = reading.next;
  let tokens: number[][] = [];
  for (let count = 0; count < maxNewTokens; count++) {
    if (count > 0) logits = (await decoding.advance(tokens)).map(([last]) => last!);
    tokens = logits.map((row, r) => {
      const token = chooseToken(row, isList(sampling) ? sampling[r]! : sampling);
      if (stopIds.includes(token)) ended[r] = true;
      if (!ended[r]) outputs[r]!.push(token);
      if (outputs[r]!.length > reading.rooms[r]!) ended[r] = true;
      return [token];
    });
    if (ended.every(Boolean)) break;
    if (signal.aborted) throw new SoftpromptError('cancelled', {});
  }
  return outputs;
}

function isList(sampling: GenerateOptions['sampling']): sampling is readonly Sampling[] {
  return Array.isArray(sampling);
}
