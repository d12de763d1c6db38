import { checkClasses } from '../data/classes.ts';
import { readRows } from '../data/rows.ts';
import { tokenizeRows } from '../data/tokenizeRows.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { meanLoss, type ScoredRow, scoreRows } from '../inference/score.ts';
import { positionsTaken } from '../methods/method.ts';
import { exitStatus } from './exitStatus.ts';
import { interruptible } from './interrupt.ts';
import { openAttached } from './openAttached.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt score`. */
export interface ScoreOptions {
  readonly model: string;
  readonly adapter?: string;
  readonly data: string;
  readonly device: string;
  readonly json?: boolean;
}

/** Scores rows of token ids: a line a row, in their order, at full float32 precision. */
export async function score(options: ScoreOptions, terminal: Terminal): Promise<number> {
  const attached = await openAttached(options);
  const { language, method } = attached;
  const { vocabulary, maxPositions } = language.model.architecture.sizes;
  const { examples, tooLong } = tokenizeRows(await readRows(options.data), {
    file: options.data,
    task: language.model.task,
    vocabularySize: vocabulary,
    maxLength: maxPositions - positionsTaken(method),
  });
  if (tooLong[0] !== undefined) {
    const { line, tokens } = tooLong[0];
    const problem = `has ${tokens} tokens; the model has room for ${maxPositions - positionsTaken(method)}`;
    throw new SoftpromptError('data-invalid', { file: options.data, line, problem });
  }
  checkClasses(options.data, examples, language.model);
  const scores: (ScoredRow | undefined)[] = examples.map(() => undefined);
  let printed = 0;
  await interruptible(
    () => terminal.note('\nStopping.'),
    async (signal) => {
      for await (const batch of scoreRows(attached, examples, signal)) {
        for (const scored of batch) scores[scored.index] = scored;
        // Batches go by length; lines come in the order of the rows.
        for (let next = scores[printed]; next !== undefined; next = scores[++printed]) {
          terminal.out(options.json === true ? jsonLine(next) : textLine(printed, next));
        }
      }
    },
  );
  await language.close();
  return exitStatus.done;
}

function jsonLine({ score: row, logits }: ScoredRow): string {
  const loss = meanLoss(row);
  return JSON.stringify(logits === null ? { loss, token_logprobs: [...row] } : { loss, logits: [...logits] });
}

function textLine(index: number, { score: row, logits }: ScoredRow): string {
  if (logits !== null) {
    return `row ${index + 1}: loss ${meanLoss(row).toFixed(4)}, logits ${[...logits].map((x) => x.toFixed(3)).join(' ')}`;
  }
  if (row.length === 0) return `row ${index + 1}: no supervised token, so no loss`;
  return `row ${index + 1}: loss ${meanLoss(row).toFixed(4)} over ${row.length} tokens`;
}
