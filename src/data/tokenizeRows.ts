import type { Tokenizer } from '../checkpoint/tokenizer.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { checkTokens } from '../models/labelledRow.ts';
import type { Task } from '../models/task.ts';
import type { DataRow } from './dataRow.ts';
import type { Example, ExampleTokens } from './example.ts';
import { withoutTemplate } from './rowForms.ts';
import type { Template } from './template.ts';
import { templatedExample } from './templatedExample.ts';
import { isTokenized, tokenizedExample } from './tokenizedExample.ts';

/** How rows become examples. */
export interface ExampleSource {
  /** The rows' file, for errors. */
  readonly file: string;
  readonly task: Task;
  /** For rows of text; rows that hold `input_ids` need neither template nor tokenizer. */
  readonly text?: TextSource;
  /** Ids from here on are errors. */
  readonly vocabularySize?: number;
  /** Longest input (and, for seq_2_seq_lm, longest target), tokens. */
  readonly maxLength?: number;
}

/** What turns a row's columns into tokens. */
export interface TextSource {
  readonly tokenizer: Tokenizer;
  readonly input: Template;
  readonly target: Template;
  /** The classes of seq_cls in the order of their indices; a row's target is one of them. */
  readonly classes?: readonly string[];
}

/** A row that is longer than `maxLength`: it is left out, never cut. */
export interface TooLong {
  /** Absolute path. */
  readonly file: string;
  readonly line: number;
  readonly tokens: number;
}

/** The examples of a file and the rows that are left out because they are too long. */
export interface Examples {
  readonly examples: readonly Example[];
  readonly tooLong: readonly TooLong[];
}

/**
 * Turns rows into examples. Rows that hold `input_ids` are taken as already tokenised, all others go through the
 * template and the tokenizer.
 * @throws SoftpromptError data-invalid, template-column, template-value, all with file and line; token-unknown
 */
export function tokenizeRows(rows: readonly DataRow[], source: ExampleSource): Examples {
  const examples: Example[] = [];
  const tooLong: TooLong[] = [];
  for (const [index, row] of rows.entries()) {
    const example = { ...tokenizeRow(row, source), row: index, line: row.line };
    const tokens = Math.max(example.inputIds.length, source.task === 'seq_2_seq_lm' ? example.labels.length : 0);
    if (tokens > (source.maxLength ?? Number.POSITIVE_INFINITY))
      tooLong.push({ file: source.file, line: row.line, tokens });
    else examples.push(example);
  }
  return { examples, tooLong };
}

/** One row's tokens and labels. */
function tokenizeRow(row: DataRow, source: ExampleSource): ExampleTokens {
  const { file, task, text, vocabularySize } = source;
  const place = { file, line: row.line };
  if (isTokenized(row.values)) return tokenizedExample(row.values, task, place, vocabularySize);
  if (text !== undefined) {
    const example = templatedExample(row.values, task, place, text);
    if (vocabularySize !== undefined) checkTokens(example.inputIds, vocabularySize);
    return example;
  }
  throw new SoftpromptError('data-invalid', {
    ...place,
    problem: 'has no input_ids, and there is no template to make them from its columns',
    todo: withoutTemplate,
  });
}
