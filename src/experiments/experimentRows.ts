import type { Tokenizer } from '../checkpoint/tokenizer.ts';
import { openTokenizer } from '../checkpoint/tokenizer.ts';
import { checkClasses } from '../data/classes.ts';
import type { DataRow } from '../data/dataRow.ts';
import type { Example } from '../data/example.ts';
import { readRows } from '../data/rows.ts';
import { rowTemplate, withContext } from '../data/rowTemplate.ts';
import { type TextSource, tokenizeRows } from '../data/tokenizeRows.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { type MethodShape, positionsTaken } from '../methods/method.ts';
import { type LabelledRow, unsupervised } from '../models/labelledRow.ts';
import type { Model } from '../models/model.ts';
import { supervisedWeight } from '../models/supervision.ts';
import type { Task } from '../models/task.ts';
import { avoidedRows } from './avoidedRows.ts';
import { heldOut } from './heldOut.ts';
import type { Experiment } from './schema.ts';

/** An experiment's rows as token ids. */
export interface ExperimentRows {
  readonly train: readonly LabelledRow[];
  readonly validation: readonly LabelledRow[];
  /** Rows whose supervised tokens are to be avoided; empty where the experiment avoids nothing. */
  readonly avoided: readonly LabelledRow[];
  /** Rows left out of any because they have more tokens than the model has positions. */
  readonly tooLong: number;
  /** Training rows of which nothing is supervised: they are kept, and teach nothing. */
  readonly unsupervised: number;
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
  const all = await readRows(file);
  // Of the training rows those that are trained on: what is held out for validation is not seen this way either.
  const kept = unlikelihood.data === undefined ? read.train.map(({ row }) => all[row]!) : all;
  const maxLength = model.architecture.sizes.maxPositions - positionsTaken(method);
  const { rows: avoided, tooLong } = await avoidedRows(e, model, { file, rows: kept, maxLength });
  if (avoided.every((row) => supervisedWeight(e.task, row, method) === 0)) {
    throw new SoftpromptError('data-invalid', { file, problem: 'has no token that training.unlikelihood could avoid' });
  }
  return { ...read, avoided, tooLong: read.tooLong + tooLong.length };
}

async function readLearntRows(
  e: Experiment,
  model: Model,
  method: Pick<MethodShape, 'virtualTokens' | 'virtualHidden' | 'suffixTokens'>,
): Promise<Omit<ExperimentRows, 'avoided' | 'train'> & { readonly train: readonly Example[] }> {
  const positions = model.architecture.sizes.maxPositions - positionsTaken(method);
  const { train: trainFile, validation: validationFile, validation_split: share } = e.data;
  const train = await readRows(trainFile);
  const validation = validationFile === undefined ? [] : await readRows(validationFile);
  const text = await textSource(e, model, [...train, ...validation]);
  const tokenize = (file: string, rows: readonly DataRow[]) =>
    tokenizeRows(rows, {
      file,
      task: e.task,
      ...(text !== null && { text }),
      vocabularySize: model.architecture.sizes.vocabulary,
      maxLength: positions,
    });

  const trained = tokenize(trainFile, train);
  checkClasses(trainFile, trained.examples, model);
  const validated = validationFile === undefined ? null : tokenize(validationFile, validation);
  if (validationFile !== undefined && validated !== null) checkClasses(validationFile, validated.examples, model);
  const tooLong = trained.tooLong.length + (validated?.tooLong.length ?? 0);
  for (const [file, result] of [[trainFile, trained] as const, [validationFile, validated] as const]) {
    if (file !== undefined && result?.examples.length === 0) {
      const problem = `every row is longer than the ${positions} tokens that the model has room for`;
      throw new SoftpromptError('data-invalid', { file, problem });
    }
  }
  if (share === undefined) {
    const [rows, held] = [trained.examples, validated?.examples ?? []];
    const unsupervised = countUnsupervised(e.task, trainFile, 'the training rows', rows, method);
    countUnsupervised(e.task, validationFile ?? trainFile, 'the validation rows', held, method);
    return { train: rows, validation: held, tooLong, unsupervised };
  }
  if (trained.examples.length < 2) {
    throw new SoftpromptError('data-invalid', {
      file: trainFile,
      problem: 'has too few rows for data.validation_split',
    });
  }
  const split = heldOut(e, trained.examples.map(answerKey));
  const pick = (indices: readonly number[]) => indices.map((i) => trained.examples[i]!);
  const [rows, held] = [pick(split.train), pick(split.validation)];
  const unsupervised = countUnsupervised(e.task, trainFile, 'the training rows', rows, method);
  countUnsupervised(e.task, trainFile, 'the validation rows that were split off', held, method);
  return { train: rows, validation: held, tooLong, unsupervised };
}

/** What tells rows of one expected answer from those of another. */
function answerKey({ labels }: LabelledRow): string {
  return Array.from(labels)
    .filter((label) => label !== unsupervised)
    .join();
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
  if (e.template === undefined || rows.every((row) => Object.hasOwn(row.values, 'input_ids'))) return null;
  const tokenizer: Tokenizer = await openTokenizer(model.dir);
  const template = rowTemplate(e.template);
  return {
    tokenizer,
    input: withContext(template.input, template),
    target: template.target,
    ...(e.labels !== undefined && { classes: e.labels }),
  };
}
