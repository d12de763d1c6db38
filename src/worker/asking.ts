import { openChatTemplate } from '../checkpoint/chat.ts';
import { alpacaPrompt, type RowForm } from '../data/rowForms.ts';
import { rowTemplate, withContext, withoutContext } from '../data/rowTemplate.ts';
import { columns, render, type Template } from '../data/template.ts';
import type { Prompt } from '../evaluation/answer.ts';
import { type Choices, choicesOf } from '../evaluation/questions.ts';
import type { AdapterCard } from '../experiments/records.ts';
import { experimentSchema } from '../experiments/schema.ts';
import type { LanguageModel } from '../inference/languageModel.ts';
import type { Task } from '../models/task.ts';

/** How long an answer to open text may be, when the adapter's experiment does not say. */
const defaultNewTokens = 64;

/** How texts are asked: the template and the labels of the experiment that an adapter comes from. */
export interface Asking {
  readonly prompt: (text: string) => Prompt;
  readonly choices: Choices | null;
  readonly maxNewTokens: number;
}

/** A text as it stands, continued. */
export const plainAsking: Asking = {
  prompt: (text) => ({ text, whole: false }),
  choices: null,
  maxNewTokens: defaultNewTokens,
};

/**
 * How the experiment of an adapter asks; as it stands when its card does not say or its template wants more columns.
 * @throws SoftpromptError chat-template
 */
export async function askingOf(card: AdapterCard | null, language: LanguageModel): Promise<Asking> {
  const parsed = experimentSchema.safeParse(card?.experiment);
  if (!parsed.success) return plainAsking;
  const { template, labels, evaluation, task } = parsed.data;
  if (template === undefined) {
    const prompt = await formPrompt(card?.rows_form, language);
    return prompt === null ? plainAsking : { prompt, choices: null, maxNewTokens: evaluation.max_new_tokens };
  }
  const read = rowTemplate(template);
  // A selected text has no context: it is asked without one where the rest is a single column.
  const input = [withoutContext(read.input), withContext(read.input, read)].find(
    (each) => each !== null && columns(each).length === 1,
  );
  if (input == null) return plainAsking;
  const column = columns(input)[0]!;
  const { target } = read;
  return {
    prompt: (text) => ({ text: render(input, { [column]: text }), whole: false }),
    choices: choicesFor(task, labels ?? null, language, target),
    maxNewTokens: evaluation.max_new_tokens,
  };
}

/** What an adapter that was trained on rows of a form reads for a text: a conversation that begins with it, or an instruction. */
async function formPrompt(form: RowForm | undefined, { model }: LanguageModel): Promise<Asking['prompt'] | null> {
  if (form === undefined) return null;
  if (form === 'alpaca') return (text) => ({ text: alpacaPrompt(text, ''), whole: false });
  const chat = await openChatTemplate(model.dir);
  if (chat === undefined) return null;
  const write = (content: string) => chat.render([{ role: 'user', content }], { addGenerationPrompt: true });
  return (text) => ({ text: write(text), whole: true });
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
