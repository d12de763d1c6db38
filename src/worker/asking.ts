import { rowTemplate, withContext, withoutContext } from '../data/rowTemplate.ts';
import { columns, render, type Template } from '../data/template.ts';
import { type Choices, choicesOf } from '../evaluation/questions.ts';
import type { AdapterCard } from '../experiments/records.ts';
import { experimentSchema } from '../experiments/schema.ts';
import type { LanguageModel } from '../inference/languageModel.ts';
import type { Task } from '../models/task.ts';

/** How long an answer to open text may be, when the adapter's experiment does not say. */
const defaultNewTokens = 64;

/** How texts are asked: the template and the labels of the experiment that an adapter comes from. */
export interface Asking {
  readonly prompt: (text: string) => string;
  readonly choices: Choices | null;
  readonly maxNewTokens: number;
}

/** A text as it stands, continued. */
export const plainAsking: Asking = { prompt: (text) => text, choices: null, maxNewTokens: defaultNewTokens };

/** How the experiment of an adapter asks; as it stands when its card does not say or its template wants more columns. */
export function askingOf(card: AdapterCard | null, language: LanguageModel): Asking {
  const parsed = experimentSchema.safeParse(card?.experiment);
  if (!parsed.success || parsed.data.template === undefined) return plainAsking;
  const { template, labels, evaluation, task } = parsed.data;
  const read = rowTemplate(template);
  // A selected text has no context: it is asked without one where the rest is a single column.
  const input = [withoutContext(read.input), withContext(read.input, read)].find(
    (each) => each !== null && columns(each).length === 1,
  );
  if (input == null) return plainAsking;
  const column = columns(input)[0]!;
  const { target } = read;
  return {
    prompt: (text) => render(input, { [column]: text }),
    choices: choicesFor(task, labels ?? null, language, target),
    maxNewTokens: evaluation.max_new_tokens,
  };
}

/** The closed set of answers; a classifier needs their names alone. */
function choicesFor(
  task: Task,
  labels: readonly string[] | null,
  language: LanguageModel,
  target: Template,
): Choices | null {
  if (labels === null) return null;
  return task === 'seq_cls' ? { labels, tokens: [] } : choicesOf(labels, { tokenizer: language.tokenizer, target });
}
