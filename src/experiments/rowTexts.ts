import type { DataRow } from '../data/dataRow.ts';
import type { PlacedText } from '../data/duplicates.ts';
import { type FormedRow, formOf, rowForms } from '../data/rowForms.ts';
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
 * @throws SoftpromptError template-column, template-value, data-invalid
 */
export function rowTexts(rows: readonly DataRow[], file: string, template: Experiment['template']): readonly RowText[] {
  const read = template && rowTemplate(template);
  const [input, target] = read === undefined ? [] : [withContext(read.input, read), read.target];
  const asked = input === undefined ? [] : columns(input);
  return rows.map(({ values, line }) => {
    if (isTokenized(values)) return { ...tokenTexts(values), line };
    const place = { file, line };
    const form = template === undefined ? formOf(values) : null;
    if (form !== null) return { ...formTexts(rowForms[form].read(values, place)), line };
    const plain = JSON.stringify(values, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    const whole = () => (input === undefined ? plain : render(input, values, place));
    const text = asked.length === 0 ? whole() : asked.map((column) => valueText(column, values, place)).join('\n');
    return { text, target: target === undefined ? plain : render(target, values, place).trim(), line };
  });
}

/** Of a row of a well-known form all that stands before its last answer, and that. */
function formTexts(row: FormedRow): { readonly text: string; readonly target: string } {
  if ('prompt' in row) return { text: row.asked, target: row.completion };
  const said = row.messages.map(({ content }) => content);
  return { text: said.slice(0, -1).join('\n'), target: said.at(-1)! };
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
