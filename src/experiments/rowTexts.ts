import type { DataRow } from '../data/dataRow.ts';
import type { PlacedText } from '../data/duplicates.ts';
import { rowTemplate, withContext } from '../data/rowTemplate.ts';
import { columns, render, type Template, valueText } from '../data/template.ts';
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
  const fill = (each: Template | undefined, { values, line }: DataRow, column: string): string => {
    if (Object.hasOwn(values, 'input_ids')) return JSON.stringify(values[column] ?? null);
    return each === undefined ? JSON.stringify(values) : render(each, values, { file, line });
  };
  const asked = input === undefined ? [] : columns(input);
  const textOf = (row: DataRow): string =>
    asked.length === 0 || Object.hasOwn(row.values, 'input_ids')
      ? fill(input, row, 'input_ids')
      : asked.map((column) => valueText(column, row.values, { file, line: row.line })).join('\n');
  return rows.map((row) => ({ text: textOf(row), target: fill(target, row, 'labels').trim(), line: row.line }));
}
