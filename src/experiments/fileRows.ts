import { openChatTemplate } from '../checkpoint/chat.ts';
import { openTokenizer, type Tokenizer } from '../checkpoint/tokenizer.ts';
import { type DataRow, rowValues } from '../data/dataRow.ts';
import type { ExampleTokens } from '../data/example.ts';
import { chatTokens, writeChat } from '../data/formedTokens.ts';
import { type FormedRow, formOf, type RowForm, rowForms } from '../data/rowForms.ts';
import { readRows } from '../data/rows.ts';
import { causalExample } from '../data/templatedExample.ts';
import { isTokenized } from '../data/tokenizedExample.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { RowPlace } from '../foundation/errorWords.ts';
import type { Experiment } from './schema.ts';

/** The rows of a file, and the well-known form they were found in. */
export interface FileRows {
  readonly rows: readonly DataRow[];
  /** Null for rows that the experiment's template reads, or that came tokenised. */
  readonly form: RowForm | null;
}

/**
 * Reads a file of an experiment. Without a template, rows of a well-known form become tokenised ones, so that all that comes after
 * knows two kinds of rows alone: those that a template reads, and tokens. The first row says which form all of them have.
 * @throws SoftpromptError data-invalid with the line, and what reading and the tokenizer throw
 */
export async function readFileRows(
  e: Pick<Experiment, 'model' | 'task' | 'template'>,
  file: string,
): Promise<FileRows> {
  const rows = await readRows(file);
  const [first] = rows;
  const form = formIn(e, first!);
  if (form === null) return { rows, form };
  const { columns, read } = rowForms[form];
  const tokenize = await tokenizer(e, file, form);
  const formed = rows.map(({ values, line }) => {
    const place = { file, line };
    const missing = columns.find((column) => values[column] == null);
    if (missing !== undefined) {
      const problem = `has no ${missing}, which the rows before it have`;
      throw new SoftpromptError('data-invalid', { ...place, problem });
    }
    const { inputIds, labels } = tokenize(read(values, place), place);
    return { line, values: rowValues([...Object.entries(values), ['input_ids', inputIds], ['labels', labels]]) };
  });
  return { rows: formed, form };
}

/**
 * The well-known form of an experiment's training rows; null for those of a template, or that came tokenised.
 * @throws SoftpromptError what reading throws
 */
export async function rowsForm(e: Pick<Experiment, 'template' | 'data'>): Promise<RowForm | null> {
  return e.template === undefined ? formIn(e, (await readRows(e.data.train))[0]!) : null;
}

function formIn({ template }: Pick<Experiment, 'template'>, { values }: DataRow): RowForm | null {
  return template === undefined && !isTokenized(values) ? formOf(values) : null;
}

/** What a person is told of rows in a form. */
export function formSentence(form: RowForm): string {
  return `Rows are ${rowForms[form].says}.`;
}

type Tokenize = (row: FormedRow, place: RowPlace) => ExampleTokens;

/** What makes tokens of a form's rows with the experiment's model. */
async function tokenizer(
  { model, task }: Pick<Experiment, 'model' | 'task'>,
  file: string,
  form: RowForm,
): Promise<Tokenize> {
  const refused = (problem: string) => {
    const columns = { chat: 'messages.1.content', sharegpt: 'conversations.1.value', alpaca: 'output' };
    const todo = `Give the experiment a template with input and target, such as target: "{{${columns[form]}}}".`;
    return new SoftpromptError('data-invalid', {
      file,
      problem: `has ${rowForms[form].says.split(',')[0]}, ${problem}`,
      todo,
    });
  };
  if (task === 'seq_cls') throw refused('which name no class for task: seq_cls');
  const own: Tokenizer = await openTokenizer(model);
  const answered = ({ prompt, completion }: Extract<FormedRow, { prompt: string }>): ExampleTokens =>
    task === 'causal_lm'
      ? causalExample(own, prompt, completion)
      : {
          inputIds: own.encode(prompt, { addSpecialTokens: true }),
          labels: own.encode(completion, { addSpecialTokens: true }),
        };
  const chat = form === 'alpaca' ? undefined : await openChatTemplate(model);
  return (row, place) => {
    if ('prompt' in row) return answered(row);
    if (chat === undefined) throw refused('and the model has no chat template to write them with');
    if (task !== 'causal_lm') throw refused(`which task: ${task} cannot continue`);
    return chatTokens(own, writeChat(row.messages, chat, place));
  };
}
