import { Random } from '../foundation/random.ts';
import type { DecoderSizes } from '../models/decoder.ts';
import type { AttachedModel } from './languageModel.ts';

/** Rows that a change is measured on, and the most tokens of each. */
const [rowCount, longestRow] = [4, 16] as const;

/** How far what a model gives has moved: over every position of some rows. */
export interface LogitChange {
  /** Positions it was measured at. */
  readonly positions: number;
  /** Largest absolute difference of a logit. */
  readonly largest: number;
  /** Mean over the positions of KL(before || after) of the next token's distribution, in nats. */
  readonly meanKl: number;
}

/** Logits `[vocabulary]` at every position of every row, one row after another. */
export type LogitsOf = (rows: readonly (readonly number[])[]) => Promise<readonly Float32Array[]>;

/** Rows of tokens drawn from a model's whole vocabulary, the same at every call; `virtual` positions are taken. */
export function vocabularyRows({ vocabulary, maxPositions }: DecoderSizes, virtual: number): readonly number[][] {
  const random = Random.of(0, 'logit change');
  const length = Math.max(1, Math.min(longestRow, maxPositions - virtual));
  return Array.from({ length: rowCount }, () => Array.from({ length }, () => random.integer(vocabulary)));
}

/** What a model gives with its adapter. */
export function attachedLogits(attached: AttachedModel): LogitsOf {
  return async (rows) => (await (await attached.decode(rows.length)).advance(rows, true)).flat();
}

/** Compares two models at every position of the rows. */
export async function logitChange(
  before: LogitsOf,
  after: LogitsOf,
  rows: readonly (readonly number[])[],
): Promise<LogitChange> {
  const was = await before(rows);
  const is = await after(rows);
  let largest = 0;
  let kl = 0;
  for (const [i, logits] of was.entries()) {
    for (const [token, x] of logits.entries()) largest = Math.max(largest, Math.abs(x - is[i]![token]!));
    kl += divergence(logits, is[i]!);
  }
  return { positions: was.length, largest, meanKl: kl / was.length };
}

/** KL(p || q) in nats, of distributions given by their logits. */
function divergence(p: Float32Array, q: Float32Array): number {
  const [normP, normQ] = [logSumExp(p), logSumExp(q)];
  let sum = 0;
  for (const [i, x] of p.entries()) {
    const logP = x - normP;
    sum += Math.exp(logP) * (logP - (q[i]! - normQ));
  }
  // Rounding can leave a sum of nearly nothing below zero, where no divergence is.
  return Math.max(0, sum);
}

function logSumExp(logits: Float32Array): number {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return largest + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - largest), 0));
}
