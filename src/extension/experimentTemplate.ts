import { formOf, type RowForm, rowForms } from '../data/rowForms.ts';

/** Files of rows; null where there is none. */
export interface Rows {
  readonly train: string;
  readonly validation: string | null;
  readonly test: string | null;
}

/** What a new experiment file is made from; paths relative to the file, with forward slashes. */
export interface ExperimentIdea {
  readonly model: string;
  readonly data: Rows;
  /** The data's columns, in their order; at least one. */
  readonly columns: readonly string[];
}

/** Names that columns with the wanted answer usually have. */
const targetNames = ['label', 'target', 'output', 'answer', 'completion', 'response', 'category', 'kind', 'class'];

/** Which column is read and which is to be written: by name, else the first and the last. */
export function guessColumns(columns: readonly string[]): { readonly input: string; readonly target: string } {
  const target = columns.find((column) => targetNames.includes(column.toLowerCase())) ?? (columns.at(-1) as string);
  return { input: columns.find((column) => column !== target) ?? target, target };
}

/** The rows that belong to a file of training rows: its neighbours NAME.val.jsonl and NAME.test.jsonl of NAME.train.jsonl. */
export function rowsOf(train: string, files: readonly string[]): Rows {
  const neighbour = (...parts: readonly string[]): string | null => {
    const names = parts.map((part) => train.replace(/train(?=[^/\\]*$)/i, part)).filter((name) => name !== train);
    return names.find((name) => files.includes(name)) ?? null;
  };
  return { train, validation: neighbour('val', 'validation', 'valid', 'dev'), test: neighbour('test') };
}

/** The columns of a data file from its first line: the keys of a JSON object, or a header. */
export function columnsOf(firstLine: string, extension: string): readonly string[] {
  if (extension === '.csv' || extension === '.tsv') {
    const header = firstLine.split(extension === '.csv' ? ',' : '\t');
    return header.map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')).filter((cell) => cell !== '');
  }
  try {
    const row: unknown = JSON.parse(firstLine);
    return typeof row === 'object' && row !== null ? Object.keys(row) : [];
  } catch {
    return [];
  }
}

/** The text of a new experiment: prompt tuning with the defaults written out where one is likely to change them. */
export function experimentText({ model, data, columns }: ExperimentIdea): string {
  const form = formOf(Object.fromEntries(columns.map((column) => [column, true])));
  const { rows, evaluation } = form === null ? templateText(guessColumns(columns)) : formText(form);
  return `model: ${JSON.stringify(model)}
task: causal_lm
data:
  train: ${JSON.stringify(data.train)}
  ${data.validation === null ? 'validation_split: 0.1' : `validation: ${JSON.stringify(data.validation)}`}
  ${data.test === null ? '# test: rows that only evaluating reads; never tune on them' : `test: ${JSON.stringify(data.test)}`}
${rows}method:
  peft_type: PROMPT_TUNING
  num_virtual_tokens: 16
training:
  num_train_epochs: 3
  per_device_train_batch_size: 8
  learning_rate: 0.3
  eval_steps: 20
  seed: 42
evaluation:
${evaluation}`;
}

/** What a file says of rows that a template reads, and what they are compared with. */
function templateText({ input, target }: ReturnType<typeof guessColumns>) {
  return {
    rows: `template:
  input: ${JSON.stringify(`{{${input}}}\n`)}
  target: ${JSON.stringify(`{{${target}}}`)}
# labels: [first, second]   # when the answers are a closed set
`,
    evaluation: `  baselines:
    zero_shot:
      prompt: ${JSON.stringify(`{{${input}}}\n${target}:`)}
`,
  };
}

/** The same of rows of a form that needs no template. */
function formText(form: RowForm) {
  return {
    rows: `# No template: rows are ${rowForms[form].says}.\n`,
    evaluation: '  max_new_tokens: 64\n',
  };
}
