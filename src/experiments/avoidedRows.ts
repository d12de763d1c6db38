import { openTokenizer, type Tokenizer } from '../checkpoint/tokenizer.ts';
import type { DataRow } from '../data/dataRow.ts';
import type { Example } from '../data/example.ts';
import { rowTemplate, withContext } from '../data/rowTemplate.ts';
import { isTokenized } from '../data/tokenizedExample.ts';
import { type TooLong, tokenizeRows } from '../data/tokenizeRows.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { unsupervised } from '../models/labelledRow.ts';
import type { Model } from '../models/model.ts';
import type { Experiment } from './schema.ts';

/**
 * Rows with the completions that an experiment avoids as their labels, from rows of a file: of rows of text what `target` (or the
 * template's) gives after the template's input, without the end token, which every good answer ends with too; of rows that are
 * tokenised what is supervised.
 * @throws SoftpromptError data-invalid and what templates and the tokenizer throw
 */
export async function avoidedRows(
  e: Experiment,
  model: Model,
  source: { readonly file: string; readonly rows: readonly DataRow[]; readonly maxLength: number },
): Promise<{ readonly rows: readonly Example[]; readonly tooLong: readonly TooLong[] }> {
  const { unlikelihood } = e.training;
  const { file, rows, maxLength } = source;
  const common = { file, task: e.task, vocabularySize: model.architecture.sizes.vocabulary, maxLength };
  if (unlikelihood?.target !== undefined && rows.some(({ values }) => isTokenized(values))) {
    throw new SoftpromptError('data-invalid', {
      file,
      problem: 'holds input_ids, and training.unlikelihood.target is about rows of text',
      todo: 'Give training.unlikelihood.data: rows whose supervised tokens are to be avoided.',
    });
  }
  if (e.template === undefined || rows.every(({ values }) => isTokenized(values))) {
    const { examples, tooLong } = tokenizeRows(rows, common);
    return { rows: examples, tooLong };
  }
  const tokenizer = await openTokenizer(model.dir);
  const template = rowTemplate({ ...e.template, ...(unlikelihood?.target && { target: unlikelihood.target }) });
  const text = { tokenizer, input: withContext(template.input, template), target: template.target };
  const { examples, tooLong } = tokenizeRows(rows, { ...common, text });
  return { rows: examples.map((example) => withoutEnd(example, tokenizer)), tooLong };
}

/** A row whose end token is no label. */
function withoutEnd(example: Example, { eosTokenId }: Tokenizer): Example {
  const last = example.labels.length - 1;
  if (eosTokenId === null || example.labels[last] !== eosTokenId) return example;
  return { ...example, labels: example.labels.with(last, unsupervised) };
}
