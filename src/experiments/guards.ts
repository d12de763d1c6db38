import type { Tokenizer } from '../checkpoint/tokenizer.ts';
import type { DataRow } from '../data/dataRow.ts';
import { readRows } from '../data/rows.ts';
import { rowTemplate, withContext } from '../data/rowTemplate.ts';
import { type TooLong, tokenizeRows } from '../data/tokenizeRows.ts';
import type { Guard } from '../evaluation/guard.ts';
import { choicesOf, type Question, textQuestions } from '../evaluation/questions.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { LanguageModel } from '../inference/languageModel.ts';
import { type LabelledRow, unsupervised } from '../models/labelledRow.ts';
import type { Experiment } from './schema.ts';

/** A text is read in pieces of so many tokens, each from its own beginning on. */
const pieceTokens = 256;

/** Guards, and what is not in them. */
export interface ReadGuards {
  readonly guards: readonly Guard[];
  /** Rows that some arm has no room for, by the guard's name. */
  readonly leftOut: ReadonlyMap<string, readonly TooLong[]>;
}

/**
 * Reads the guards of an experiment. All arms are asked the same of them: rows that some arm has no room for are left out.
 * @param taken positions that adapters take up at most
 * @throws SoftpromptError data-invalid and what reading, templates and the tokenizer throw
 */
export async function readGuards(
  { evaluation, task }: Pick<Experiment, 'evaluation' | 'task'>,
  language: LanguageModel,
  taken: number,
): Promise<ReadGuards> {
  const { maxPositions, vocabulary } = language.model.architecture.sizes;
  const room = maxPositions - taken;
  const guards: Guard[] = [];
  const leftOut = new Map<string, readonly TooLong[]>();
  for (const [name, { data: file, template, labels }] of Object.entries(evaluation.guard)) {
    const rows = await readRows(file);
    const { tokenizer } = language;
    if (template === undefined) {
      guards.push({ name, figure: 'perplexity', rows: pieces(file, rows, tokenizer, Math.min(pieceTokens, room)) });
      continue;
    }
    const read = rowTemplate(template);
    const text = { tokenizer, input: withContext(read.input, read), target: read.target };
    if (labels !== undefined) {
      const choices = choicesOf(labels, text);
      const longest = Math.max(...choices.tokens.map(({ length }) => length));
      const questions = textQuestions(file, rows, { ...text, task }, labels);
      const tokensOf = ({ inputIds, targetIds }: Question) => inputIds.length + Math.max(targetIds.length, longest);
      const [fitting, tooLong] = [true, false].map((fits) => questions.filter((q) => tokensOf(q) <= room === fits));
      guards.push({ name, figure: 'accuracy', questions: some(file, fitting!), choices });
      leftOut.set(
        name,
        tooLong!.map((each) => ({ file, line: rows[each.index]!.line, tokens: tokensOf(each) })),
      );
      continue;
    }
    const source = { file, task, text, vocabularySize: vocabulary, maxLength: room };
    const { examples, tooLong } = tokenizeRows(rows, source);
    leftOut.set(name, tooLong);
    const scored = examples.map((row) => (task === 'causal_lm' ? fromSecond(row) : row));
    guards.push({ name, figure: 'perplexity', rows: some(file, scored) });
  }
  return { guards, leftOut };
}

/** The text of the rows, a line a row, in pieces of so many tokens. */
function pieces(file: string, rows: readonly DataRow[], tokenizer: Tokenizer, length: number): readonly LabelledRow[] {
  const ids = rows.flatMap(({ values, line }) => {
    const { text } = values;
    if (typeof text === 'string') return tokenizer.encode(`${text}\n`, { addSpecialTokens: false });
    const problem = 'has no column `text`, and the guard has no template to make one of its columns';
    throw new SoftpromptError('data-invalid', { file, line, problem, todo: 'Give the guard a template.' });
  });
  const { bosTokenId } = tokenizer;
  const begins = bosTokenId !== null && tokenizer.encode('a', { addSpecialTokens: true })[0] === bosTokenId;
  const start = begins ? [bosTokenId] : [];
  const step = length - start.length;
  const count = Math.ceil(ids.length / step);
  const read = Array.from({ length: count }, (_, i) => [...start, ...ids.slice(i * step, (i + 1) * step)]);
  return some(
    file,
    read.filter((inputIds) => inputIds.length > 1).map((inputIds) => fromSecond({ inputIds, labels: inputIds })),
  );
}

/** The first token can be predicted behind virtual tokens alone: without it all arms are scored on the same tokens. */
export function fromSecond<Row extends LabelledRow>(row: Row): Row {
  return { ...row, labels: Array.from(row.labels, (label, t) => (t === 0 ? unsupervised : label)) };
}

function some<T>(file: string, rows: readonly T[]): readonly T[] {
  if (rows.length > 0) return rows;
  throw new SoftpromptError('data-invalid', { file, problem: 'has no row that the model has room for' });
}
