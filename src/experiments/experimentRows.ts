import type { Tokenizer } from '../checkpoint/tokenizer.ts';
import { openTokenizer } from '../checkpoint/tokenizer.ts';
import { checkClasses } from '../data/classes.ts';
import type { DataRow } from '../data/dataRow.ts';
import type { Example } from '../data/example.ts';
import type { RowForm } from '../data/rowForms.ts';
import { rowTemplate, withContext } from '../data/rowTemplate.ts';
import { isTokenized } from '../data/tokenizedExample.ts';
import { type TextSource, type TooLong, tokenizeRows } from '../data/tokenizeRows.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { type MethodShape, positionsTaken } from '../methods/method.ts';
import type { LabelledRow } from '../models/labelledRow.ts';
import type { Model } from '../models/model.ts';
import { supervisedWeight } from '../models/supervision.ts';
import type { Task } from '../models/task.ts';
import { avoidedRows } from './avoidedRows.ts';
import { readFileRows } from './fileRows.ts';
import { heldOut } from './heldOut.ts';
import { rowTexts } from './rowTexts.ts';
import type { Experiment } from './schema.ts';

/** An experiment's rows as token ids. */
export interface ExperimentRows {
  readonly train: readonly Example[];
  readonly validation: readonly Example[];
  /** Rows whose supervised tokens are to be avoided; empty where the experiment avoids nothing. */
  readonly avoided: readonly Example[];
  /** Rows left out of any because they have more tokens than the model has positions. */
  readonly tooLong: readonly TooLong[];
  /** Training rows of which nothing is supervised: they are kept, and teach nothing. */
  readonly unsupervised: number;
  /** The well-known form of the training rows; null for those of a template, or that came tokenised. */
  readonly form: RowForm | null;
}

/**
 * Reads and tokenises an experiment's training and validation rows for a model with a method.
 * @throws SoftpromptError data-invalid and what reading, templates and the tokenizer throw
 */
export async function readExperimentRows(
  e: Experiment,
  model: Model,
  method: Pick<MethodShape, 'virtualTokens' | 'virtualHidden' | 'suffixTokens'>,
): Promise<ExperimentRows> {
  const read = await readLearntRows(e, model, method);
  const { unlikelihood } = e.training;
  if (unlikelihood === undefined) return { ...read, avoided: [] };
  const file = unlikelihood.data ?? e.data.train;
  const { rows: all } = await readFileRows(e, file);
  // Of the training rows those that are trained on: what is held out for validation is not seen this way either.
  const kept = unlikelihood.data === undefined ? read.train.map(({ row }) => all[row]!) : all;
  const maxLength = model.architecture.sizes.maxPositions - positionsTaken(method);
  const { rows: avoided, tooLong } = await avoidedRows(e, model, { file, rows: kept, maxLength });
  if (avoided.every((row) => supervisedWeight(e.task, row, method) === 0)) {
    throw new SoftpromptError('data-invalid', { file, problem: 'has no token that training.unlikelihood could avoid' });
  }
  return { ...read, avoided, tooLong: [...read.tooLong, ...tooLong] };
}

async function readLearntRows(
  e: Experiment,
  model: Model,
  method: Pick<MethodShape, 'virtualTokens' | 'virtualHidden' | 'suffixTokens'>,
): Promise<Omit<ExperimentRows, 'avoided'>> {
  const maxLength = model.architecture.sizes.maxPositions - positionsTaken(method);
  const { train: trainFile, validation: validationFile, validation_split: share } = e.data;
  const { rows: trainRows, form } = await readFileRows(e, trainFile);
  const validationRows = validationFile === undefined ? [] : (await readFileRows(e, validationFile)).rows;
  const text = await textSource(e, model, [...trainRows, ...validationRows]);
  const vocabularySize = model.architecture.sizes.vocabulary;
  const source = { task: e.task, ...(text !== null && { text }), vocabularySize, maxLength };
  const tokenize = (file: string, rows: readonly DataRow[]) => {
    const { examples, tooLong } = tokenizeRows(rows, { file, ...source });
    checkClasses(file, examples, model);
    const problem = `every row is longer than the ${maxLength} tokens that the model has room for`;
    if (examples.length === 0) throw new SoftpromptError('data-invalid', { file, problem });
    return { examples, tooLong };
  };
  const count = (file: string, which: string, rows: readonly Example[]) =>
    countUnsupervised(e.task, file, which, rows, method);

  const { examples, tooLong } = tokenize(trainFile, trainRows);
  if (share !== undefined) {
    const { train, validation } = splitOff(e, trainRows, examples);
    count(trainFile, 'the validation rows that were split off', validation);
    return { train, validation, tooLong, form, unsupervised: count(trainFile, 'the training rows', train) };
  }
  const unsupervised = count(trainFile, 'the training rows', examples);
  if (validationFile === undefined) return { train: examples, validation: [], tooLong, unsupervised, form };
  const validated = tokenize(validationFile, validationRows);
  count(validationFile, 'the validation rows', validated.examples);
  const allTooLong = [...tooLong, ...validated.tooLong];
  return { train: examples, validation: validated.examples, tooLong: allTooLong, unsupervised, form };
}

/** The examples without those of the rows that `data.validation_split` sets aside, and those. */
function splitOff(
  e: Experiment,
  rows: readonly DataRow[],
  examples: readonly Example[],
): Pick<ExperimentRows, 'train' | 'validation'> {
  const file = e.data.train;
  const few = () =>
    new SoftpromptError('data-invalid', { file, problem: 'has too few rows for data.validation_split' });
  if (rows.length < 2) throw few();
  const held = new Set(heldOut(e, rowTexts(rows, file, e.template)).validation);
  const train = examples.filter(({ row }) => !held.has(row));
  const validation = examples.filter(({ row }) => held.has(row));
  // Rows that are too long may have been all there were of one side.
  if (train.length === 0 || validation.length === 0) throw few();
  return { train, validation };
}

/** How many rows have no supervised token; that all have none is an error: their loss would be over nothing. */
function countUnsupervised(
  task: Task,
  file: string,
  which: string,
  rows: readonly LabelledRow[],
  method: Pick<MethodShape, 'virtualHidden'>,
): number {
  const count = rows.filter((row) => supervisedWeight(task, row, method) === 0).length;
  if (count === 0 || count < rows.length) return count;
  throw new SoftpromptError('data-invalid', {
    file,
    problem: `none of ${which} has a supervised token, so there is no loss`,
    todo: 'Give labels that are not all -100; without virtual tokens the first token of a row cannot be supervised.',
  });
}

/** What turns rows of text into tokens; null when there is no template, or no row needs it. */
async function textSource(e: Experiment, model: Model, rows: readonly DataRow[]): Promise<TextSource | null> {
  if (e.template === undefined || rows.every(({ values }) => isTokenized(values))) return null;
  const tokenizer: Tokenizer = await openTokenizer(model.dir);
  const template = rowTemplate(e.template);
  return {
    tokenizer,
    input: withContext(template.input, template),
    target: template.target,
    ...(e.labels !== undefined && { classes: e.labels }),
  };
}
