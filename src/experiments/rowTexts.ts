import type { DataRow } from '../data/dataRow.ts';
import type { PlacedText } from '../data/duplicates.ts';
import { rowTemplate, withContext } from '../data/rowTemplate.ts';
import { columns, render, valueText } from '../data/template.ts';
import { isTokenized } from '../data/tokenizedExample.ts';
import { unsupervised } from '../models/labelledRow.ts';
import type { Experiment } from './schema.ts';

/** What is asked in a row, and how it should be answered. */
export interface RowText extends PlacedText {
  readonly target: string;
}

/**
 * What is asked in each row, without the template's own words, which would make all rows alike, and how it should be answered;
 * tokenised rows by their ids.
 * @throws SoftpromptError template-column, template-value
 */
export function rowTexts(rows: readonly DataRow[], file: string, template: Experiment['template']): readonly RowText[] {
  const read = template && rowTemplate(template);
  const [input, target] = read === undefined ? [] : [withContext(read.input, read), read.target];
  const asked = input === undefined ? [] : columns(input);
  return rows.map(({ values, line }) => {
    if (isTokenized(values)) return { ...tokenTexts(values), line };
    const place = { file, line };
    const plain = JSON.stringify(values, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    const whole = () => (input === undefined ? plain : render(input, values, place));
    const text = asked.length === 0 ? whole() : asked.map((column) => valueText(column, values, place)).join('\n');
    return { text, target: target === undefined ? plain : render(target, values, place).trim(), line };
  });
}

/** Of a tokenised row what is given and what is supervised; where both stand in one list they are told apart by the labels. */
function tokenTexts({ input_ids: ids, labels }: DataRow['values']): { readonly text: string; readonly target: string } {
  const inOne =
    Array.isArray(ids) && Array.isArray(labels) && ids.length === labels.length && labels.includes(unsupervised);
  if (!inOne) return { text: JSON.stringify(ids), target: JSON.stringify(labels ?? null) };
  return {
    text: JSON.stringify(ids.filter((_, i) => labels[i] === unsupervised)),
    target: JSON.stringify(labels.filter((label) => label !== unsupervised)),
  };
}
