import { SoftpromptError } from '../foundation/errors.ts';
import type { RowPlace } from '../foundation/errorWords.ts';
import { unsupervised } from '../models/labelledRow.ts';
import type { Task } from '../models/task.ts';
import type { DataRow } from './dataRow.ts';
import type { ExampleTokens } from './example.ts';

/**
 * The example of a row that is already tokenised: `input_ids`, and optionally `attention_mask` (positions where it is 0
 * are padding and are dropped), `token_type_ids` and `labels`. Without labels every token of a causal_lm row is supervised.
 * @throws SoftpromptError data-invalid
 */
export function tokenizedExample(
  values: DataRow['values'],
  task: Task,
  place: RowPlace,
  vocabularySize = Number.POSITIVE_INFINITY,
): ExampleTokens {
  const isToken = (id: number) => Number.isSafeInteger(id) && id >= 0 && id < vocabularySize;
  const column = (name: string, is: (id: number) => boolean, expected: string): readonly number[] => {
    const list = values[name];
    if (!Array.isArray(list)) throw invalid(place, `${name} is not a list`);
    const wrong = list.findIndex((item: unknown) => typeof item !== 'number' || !is(item));
    if (wrong >= 0) throw invalid(place, `${name}[${wrong}] is ${String(list[wrong])}, not ${expected}`);
    return list;
  };
  const tokenWords = Number.isFinite(vocabularySize) ? `a token id below ${vocabularySize}` : 'a token id';

  const inputIds = column('input_ids', isToken, tokenWords);
  const mask = given(values, 'attention_mask')
    ? column('attention_mask', (bit) => bit === 0 || bit === 1, '0 or 1')
    : inputIds.map(() => 1);
  sameLength(place, 'attention_mask', mask, inputIds);
  const real = <T>(list: readonly T[]) => list.filter((_, i) => mask[i] === 1);
  const kept = real(inputIds);
  if (kept.length === 0) throw invalid(place, 'has no tokens');

  if (task === 'seq_cls') {
    const labels = [classIndex(values.labels, place)];
    if (!given(values, 'token_type_ids')) return { inputIds: kept, labels };
    const types = column('token_type_ids', (type) => Number.isSafeInteger(type) && type >= 0, 'a whole number from 0');
    sameLength(place, 'token_type_ids', types, inputIds);
    return { inputIds: kept, labels, tokenTypeIds: real(types) };
  }
  const labelWords = `${tokenWords} or ${unsupervised}`;
  const labels = () => column('labels', (id) => id === unsupervised || isToken(id), labelWords);
  if (task === 'seq_2_seq_lm') {
    const decoder = labels();
    if (decoder.length === 0) throw invalid(place, 'labels is empty');
    return { inputIds: kept, labels: decoder };
  }
  if (!given(values, 'labels')) return { inputIds: kept, labels: kept };
  const all = labels();
  sameLength(place, 'labels', all, inputIds);
  return { inputIds: kept, labels: real(all) };
}

/** Whether a row is already tokenised. */
export function isTokenized(values: DataRow['values']): boolean {
  return given(values, 'input_ids');
}

/** A column that a parquet file may hold as null counts as missing. */
function given(values: DataRow['values'], column: string): boolean {
  return values[column] !== undefined && values[column] !== null;
}

/** A class index, alone or as a list of one. */
function classIndex(value: unknown, place: RowPlace): number {
  const index: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof index === 'number' && Number.isSafeInteger(index) && index >= 0) return index;
  throw invalid(place, 'labels is not a class index');
}

function sameLength(place: RowPlace, name: string, list: readonly number[], inputIds: readonly number[]): void {
  if (list.length !== inputIds.length) {
    throw invalid(place, `${name} has ${list.length} entries and input_ids ${inputIds.length}`);
  }
}

function invalid(place: RowPlace, problem: string): SoftpromptError {
  return new SoftpromptError('data-invalid', { ...place, problem });
}
