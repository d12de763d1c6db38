import type { Tokenizer } from '../checkpoint/tokenizer.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { RowPlace } from '../foundation/errorWords.ts';
import { unsupervised } from '../models/labelledRow.ts';
import type { Task } from '../models/task.ts';
import type { DataRow } from './dataRow.ts';
import type { ExampleTokens } from './example.ts';
import { columns, render, type Template } from './template.ts';
import type { TextSource } from './tokenizeRows.ts';

/**
 * The example of a row of text.
 *
 * - causal_lm: the input as the tokenizer starts a text, the target and the end token; target and end are supervised.
 *   Where there are classes, the target names one of them.
 * - seq_2_seq_lm: input and target each as the tokenizer starts and ends a text.
 * - seq_cls: the input as the tokenizer starts and ends a text; the target names the class.
 *
 * @throws SoftpromptError data-invalid, template-column, template-value, template-target
 */
export function templatedExample(
  values: DataRow['values'],
  task: Task,
  place: RowPlace,
  { tokenizer, input, target, classes }: TextSource,
): ExampleTokens {
  const inputText = render(input, values, place);
  const targetText = render(target, values, place);
  const example = {
    causal_lm: () => {
      if (classes !== undefined) classOf(target, targetText, classes, place);
      return causalExample(tokenizer, inputText, targetText);
    },
    seq_2_seq_lm: () => ({
      inputIds: tokenizer.encode(inputText, { addSpecialTokens: true }),
      labels: tokenizer.encode(targetText, { addSpecialTokens: true }),
    }),
    seq_cls: () => ({
      inputIds: tokenizer.encode(inputText, { addSpecialTokens: true }),
      labels: [classOf(target, targetText, classes ?? [], place)],
    }),
  } satisfies Record<Task, () => ExampleTokens>;
  const { inputIds, labels } = example[task]();
  if (inputIds.length > 0 && labels.length > 0) return { inputIds, labels };
  throw new SoftpromptError('data-invalid', { ...place, problem: 'gives no tokens' });
}

/** The input as the tokenizer starts a text, the target and the end token; target and end are supervised. */
export function causalExample(tokenizer: Tokenizer, input: string, target: string): ExampleTokens {
  const prompt = encodePrompt(tokenizer, input);
  const end = tokenizer.eosTokenId === null ? [] : [tokenizer.eosTokenId];
  const answer = [...tokenizer.encode(target, { addSpecialTokens: false }), ...end];
  return { inputIds: [...prompt, ...answer], labels: [...prompt.map(() => unsupervised), ...answer] };
}

/** The tokens of a text as a model of a task reads it: continued by a causal one, else as the tokenizer starts and ends it. */
export function encodeInput(tokenizer: Tokenizer, text: string, task: Task): readonly number[] {
  return task === 'causal_lm' ? encodePrompt(tokenizer, text) : tokenizer.encode(text, { addSpecialTokens: true });
}

/**
 * The tokens of a text that is to be continued: with the special tokens that the tokenizer starts a text with, without
 * the end token that some (T5's) put behind it.
 */
export function encodePrompt(tokenizer: Tokenizer, text: string): readonly number[] {
  const ids = tokenizer.encode(text, { addSpecialTokens: true });
  const ownEnds = endTokens(tokenizer, tokenizer.encode(text, { addSpecialTokens: false }));
  return ids.slice(0, ids.length - Math.max(0, endTokens(tokenizer, ids) - ownEnds));
}

/** How many end tokens a sequence ends in. */
function endTokens(tokenizer: Tokenizer, ids: readonly number[]): number {
  return ids.length - 1 - ids.findLastIndex((id) => id !== tokenizer.eosTokenId);
}

/** Index of the class whose target this is. */
function classOf(target: Template, written: string, classes: readonly string[], place: RowPlace): number {
  const [column, ...more] = columns(target);
  if (column === undefined || more.length > 0) {
    throw new SoftpromptError('template-target', { template: target.source });
  }
  const index = classes.findIndex((name) => render(target, { [column]: name }) === written);
  if (index >= 0) return index;
  throw new SoftpromptError('data-invalid', {
    ...place,
    problem: `its target ${JSON.stringify(written)} is none of the labels`,
    todo: `Labels: ${classes.map((name) => JSON.stringify(name)).join(', ') || '(none)'}.`,
  });
}
