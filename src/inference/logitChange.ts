import { Random } from '../foundation/random.ts';
import type { DecoderSizes } from '../models/decoder.ts';
import { floatOutput, GraphSession } from '../runtime/session.ts';
import { integers } from '../runtime/tensor.ts';
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

/** Logits at every position of every row, one row after another; of models that read a row whole, one a row. */
export type LogitsOf = (rows: readonly (readonly number[])[]) => Promise<readonly Float32Array[]>;

/** Rows of tokens drawn from a model's whole vocabulary, the same at every call; `virtual` positions are taken. */
export function vocabularyRows({ vocabulary, maxPositions }: DecoderSizes, virtual: number): readonly number[][] {
  const random = Random.of(0, 'logit change');
  const length = Math.max(1, Math.min(longestRow, maxPositions - virtual));
  return Array.from({ length: rowCount }, () => Array.from({ length }, () => random.integer(vocabulary)));
}

/** What a model gives with its adapter: logits of tokens or, in classification, of classes. */
export function attachedLogits(attached: AttachedModel): LogitsOf {
  const { language, method, tensors } = attached;
  const { architecture, task } = language.model;
  return async (rows) => {
    if (task === 'seq_cls') {
      const runner = await language.lossRunner(method);
      const classified = rows.map((inputIds) => ({ inputIds, labels: [0] }));
      return (await runner.run(classified, tensors)).logits;
    }
    if (architecture.kind === 'encoder_decoder') return (await attached.read(rows)).next;
    const decoding = await attached.decode(rows.length);
    const logits = await decoding.advance(
      rows.map((ids) => attached.given(ids)),
      true,
    );
    // Behind a row's last token a suffix may stand, whose end predicts what comes next.
    return logits.flatMap((states, r) => [...states.slice(0, rows[r]!.length - 1), states.at(-1)!]);
  };
}

/** What an .onnx file of a whole model gives (`models/exportGraph.ts`). */
export function fileLogits(file: string): LogitsOf {
  return async (rows) => {
    const time = Math.max(...rows.map((row) => row.length));
    const ids = rows.flatMap((row) => [...row, ...new Array<number>(time - row.length).fill(0)]);
    const session = await GraphSession.open(file, 'cpu');
    try {
      const mask = rows.flatMap((row) => [...row.map(() => 1), ...new Array<number>(time - row.length).fill(0)]);
      const matrix = (numbers: readonly number[]) => integers(numbers, [rows.length, time]);
      const outputs = await session.run(
        new Map([
          ['input_ids', matrix(ids)],
          ['attention_mask', matrix(mask)],
          ['token_type_ids', matrix(ids.map(() => 0))],
        ]),
      );
      const { data, dims } = floatOutput(outputs, 'logits');
      const width = dims.at(-1)!;
      const at = (position: number) => data.subarray(position * width, (position + 1) * width);
      if (dims.length === 2) return rows.map((_, r) => at(r));
      return rows.flatMap((row, r) => row.map((_, t) => at(r * time + t)));
    } finally {
      await session.close();
    }
  };
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
