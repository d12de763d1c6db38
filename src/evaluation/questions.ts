import type { Tokenizer } from '../checkpoint/tokenizer.ts';
import type { DataRow } from '../data/dataRow.ts';
import type { Example } from '../data/example.ts';
import { columns, render, type Template } from '../data/template.ts';
import { encodeInput } from '../data/templatedExample.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { answerTokens } from '../inference/choose.ts';
import { unsupervised } from '../models/labelledRow.ts';
import type { Task } from '../models/task.ts';

/** A row that arms are asked about. */
export interface Question {
  readonly index: number;
  /** The row as the base model and the adapters read it. */
  readonly input: string;
  readonly inputIds: readonly number[];
  /** The answer that counts as right, without the template around it. */
  readonly expected: string;
  /** What should be written after the input, the end token included; in classification the class alone. */
  readonly targetIds: readonly number[];
  /** For hard prompts; null for rows that are already tokenised. */
  readonly values: DataRow['values'] | null;
}

/** The closed set of answers of an experiment. */
export interface Choices {
  readonly labels: readonly string[];
  /** Tokens of each label as the target template writes it; none in classification. */
  readonly tokens: readonly (readonly number[])[];
}

/** How an experiment's rows are asked. */
export interface QuestionTemplate {
  readonly tokenizer: Tokenizer;
  readonly input: Template;
  readonly target: Template;
  readonly task: Task;
}

/** The one column that the target template shows. @throws SoftpromptError template-target */
export function answerColumn(target: Template): string {
  const [column, ...more] = columns(target);
  if (column === undefined || more.length > 0)
    throw new SoftpromptError('template-target', { template: target.source });
  return column;
}

/** The labels as answers. */
export function choicesOf(
  labels: readonly string[],
  { tokenizer, target }: Pick<QuestionTemplate, 'tokenizer' | 'target'>,
): Choices {
  const column = answerColumn(target);
  const written = labels.map((label) =>
    tokenizer.encode(render(target, { [column]: label }), { addSpecialTokens: false }),
  );
  return { labels, tokens: answerTokens(written, tokenizer.eosTokenId) };
}

/**
 * Rows of text as questions.
 * @throws SoftpromptError data-invalid for a row whose answer is none of the labels
 */
export function textQuestions(
  file: string,
  rows: readonly DataRow[],
  template: QuestionTemplate,
  labels: readonly string[] | null,
): readonly Question[] {
  const { tokenizer, target, task } = template;
  const end = tokenizer.eosTokenId === null ? [] : [tokenizer.eosTokenId];
  return rows.map((row, index) => {
    const place = { file, line: row.line };
    const input = render(template.input, row.values, place);
    const written = render(target, row.values, place);
    const expected = labels === null ? written.trim() : render(parsed(answerColumn(target)), row.values, place);
    if (labels !== null && !labels.includes(expected)) {
      const problem = `its answer ${JSON.stringify(expected)} is none of the labels`;
      throw new SoftpromptError('data-invalid', { ...place, problem, todo: `Labels: ${labels.join(', ')}.` });
    }
    const targets = {
      causal_lm: () => [...tokenizer.encode(written, { addSpecialTokens: false }), ...end],
      seq_2_seq_lm: () => tokenizer.encode(written, { addSpecialTokens: true }),
      seq_cls: () => [labels!.indexOf(expected)],
    } satisfies Record<Task, () => readonly number[]>;
    const inputIds = encodeInput(tokenizer, input, task);
    return { index, input, inputIds, expected, targetIds: targets[task](), values: row.values };
  });
}

function parsed(column: string): Template {
  return { source: `{{${column}}}`, parts: [{ column }] };
}

/** How rows that are already tokenised are read. */
export interface TokenizedReading {
  readonly task: Task;
  readonly decode: (ids: readonly number[]) => string;
  /** Names of the classes, in classification. */
  readonly classes: readonly string[] | null;
}

/**
 * Rows that are already tokenised as questions: in causal_lm the last supervised stretch of a row is its answer, all before it the
 * prompt.
 * @throws SoftpromptError data-invalid for a row without a prompt or an answer
 */
export function tokenizedQuestions(
  file: string,
  examples: readonly Example[],
  { task, decode, classes }: TokenizedReading,
): readonly Question[] {
  return examples.map(({ inputIds, labels, line }, index) => {
    if (task !== 'causal_lm') {
      const expected = classes === null ? decode(labels).trim() : classes[labels[0]!]!;
      return { index, input: decode(inputIds), inputIds, expected, targetIds: labels, values: null };
    }
    const end = labels.findLastIndex((label) => label !== unsupervised) + 1;
    const start = labels.slice(0, end).lastIndexOf(unsupervised) + 1;
    if (start === 0) {
      const problem =
        end === 0
          ? 'has no supervised token, so there is no answer to compare with'
          : 'is supervised from its first token on, so there is no prompt to answer';
      const todo = 'Give labels: -100 for the prompt, the tokens for the answer after it.';
      throw new SoftpromptError('data-invalid', { file, line, problem, todo });
    }
    const [prompt, target] = [inputIds.slice(0, start), inputIds.slice(start, end)];
    return {
      index,
      input: decode(prompt),
      inputIds: prompt,
      expected: decode(target).trim(),
      targetIds: target,
      values: null,
    };
  });
}
