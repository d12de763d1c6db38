import { SoftpromptError } from '../foundation/errors.ts';
import { positionsTaken } from '../methods/method.ts';
import { checkTokens } from '../models/labelledRow.ts';
import type { Decoding } from './decoding.ts';
import type { AttachedModel } from './languageModel.ts';
import { logSoftmax } from './sampling.ts';

/**
 * Prompts that a model has read, all at once. What follows them (a generated text, labels, an expected answer) goes on
 * from here in forks of the cache, so a prompt goes through the model once however much is asked about it.
 */
export class Reading {
  readonly #decoding: Decoding;
  /** Logits `[vocabulary]` after each prompt. */
  readonly next: readonly Float32Array[];
  /** Tokens that each prompt leaves room for. */
  readonly rooms: readonly number[];
  readonly #maxPositions: number;

  private constructor(decoding: Decoding, next: readonly Float32Array[], maxPositions: number) {
    this.#decoding = decoding;
    this.next = next;
    this.rooms = decoding.positions.map((position) => maxPositions - position);
    this.#maxPositions = maxPositions;
  }

  /** @throws SoftpromptError prompt-length when a prompt is empty or leaves no room for a token; token-unknown */
  static async of(attached: AttachedModel, prompts: readonly (readonly number[])[]): Promise<Reading> {
    const { maxPositions, vocabulary } = attached.language.model.architecture.sizes;
    const taken = positionsTaken(attached.method);
    for (const prompt of prompts) {
      checkLength(prompt.length, taken, maxPositions);
      checkTokens(prompt, vocabulary);
    }
    const { decoding, next } = await attached.read(prompts);
    return new Reading(decoding, next, maxPositions);
  }

  /** A cache that goes on after the prompts, on its own. */
  fork(): Decoding {
    return this.#decoding.fork();
  }

  /**
   * Natural-log probabilities of each row's continuation, a token at a time; none for an empty one.
   * @throws SoftpromptError prompt-length when the model has no positions for them; token-unknown
   */
  async score(continuations: readonly (readonly number[])[]): Promise<readonly Float64Array[]> {
    for (const [r, continuation] of continuations.entries()) {
      checkTokens(continuation, this.next[r]!.length);
      const { length } = continuation;
      const room = this.rooms[r]!;
      if (length - 1 > room) {
        const [tokens, maxPositions] = [this.#maxPositions - room + length, this.#maxPositions];
        throw new SoftpromptError('prompt-length', { tokens, virtual: 0, maxPositions });
      }
    }
    const decoding = this.fork();
    const next =
      (await decoding.expect(decoding.positions.map((position, r) => position + continuations[r]!.length))) ??
      this.next;
    const scores = continuations.map((tokens, r) => {
      const score = new Float64Array(tokens.length);
      if (tokens.length > 0) score[0] = logSoftmax(next[r]!)[tokens[0]!]!;
      return score;
    });
    if (continuations.every(({ length }) => length <= 1)) return scores;
    // A row of one token or none feeds one all the same, and what comes after it is not looked at.
    const fed = continuations.map((tokens) => (tokens.length > 1 ? tokens.slice(0, -1) : [tokens[0] ?? 0]));
    const logits = await decoding.advance(fed, true);
    for (const [r, tokens] of continuations.entries()) {
      for (let t = 1; t < tokens.length; t++) scores[r]![t] = logSoftmax(logits[r]![t - 1]!)[tokens[t]!]!;
    }
    return scores;
  }
}

/**
 * @param row of a file, from 1, that the error should name
 * @throws SoftpromptError prompt-length when there is nothing to continue or no room for one more token
 */
export function checkLength(
  tokens: number,
  virtual: number,
  maxPositions: number,
  place: { readonly row?: number; readonly arm?: string } = {},
): void {
  if (tokens > 0 && tokens + virtual < maxPositions) return;
  throw new SoftpromptError('prompt-length', { tokens, virtual, maxPositions, ...place });
}
