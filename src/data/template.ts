import { SoftpromptError } from '../foundation/errors.ts';
import type { RowPlace } from '../foundation/errorWords.ts';
import type { DataRow } from './dataRow.ts';

/**
 * A text with columns of a row in it: `{{name}}`, or `{{name.inner}}` for a value inside an object. A column whose own
 * name has dots comes before the nested reading. A literal `{{` is written `{{{{`, a literal `}}` stands for itself.
 */
export interface Template {
  readonly source: string;
  /** Text and columns in turn. */
  readonly parts: readonly (string | { readonly column: string })[];
}

const opening = '{{';
const closing = '}}';

/**
 * Parses a template.
 * @throws SoftpromptError template-invalid with the place
 */
export function parseTemplate(source: string): Template {
  const parts: (string | { readonly column: string })[] = [];
  let text = '';
  let at = 0;
  for (;;) {
    const start = source.indexOf(opening, at);
    if (start < 0) break;
    text += source.slice(at, start);
    if (source.startsWith(opening + opening, start)) {
      text += opening;
      at = start + 2 * opening.length;
      continue;
    }
    const end = source.indexOf(closing, start);
    const invalid = (problem: string) =>
      new SoftpromptError('template-invalid', { template: source, position: start, problem });
    if (end < 0) throw invalid('{{ without }}');
    const column = source.slice(start + opening.length, end).trim();
    if (column === '') throw invalid('{{}} names no column');
    if (/[{}\r\n]/.test(column)) throw invalid('{{ without }}');
    parts.push(text, { column });
    text = '';
    at = end + closing.length;
  }
  parts.push(text + source.slice(at));
  return { source, parts: parts.filter((part) => part !== '') };
}

/** The template of such parts; texts that meet become one. */
export function templateOf(given: Template['parts']): Template {
  const parts: Template['parts'][number][] = [];
  for (const part of given) {
    const last = parts.at(-1);
    if (typeof part === 'string' && typeof last === 'string') parts[parts.length - 1] = last + part;
    else parts.push(part);
  }
  const source = parts.map((part) => (typeof part === 'string' ? escapeText(part) : `{{${part.column}}}`)).join('');
  return { source, parts };
}

/** Text as a template writes it. */
export function escapeText(text: string): string {
  return text.replaceAll(opening, opening + opening);
}

/** The columns a template asks for, each once, in order. */
export function columns(template: Template): readonly string[] {
  return [...new Set(template.parts.flatMap((part) => (typeof part === 'string' ? [] : [part.column])))];
}

/**
 * Fills a template in. Strings stand as they are; numbers and booleans as JSON writes them.
 * @param row where the values come from, for errors
 * @throws SoftpromptError template-column (the row has no such column), template-value (nothing that can be text)
 */
export function render(template: Template, values: DataRow['values'], row?: RowPlace): string {
  return template.parts.map((part) => (typeof part === 'string' ? part : valueText(part.column, values, row))).join('');
}

/** The text of a row's column, or of a path into one, as a template has it. */
export function valueText(column: string, values: DataRow['values'], row: RowPlace | undefined): string {
  const place = row === undefined ? {} : { row };
  const value = Object.hasOwn(values, column) ? values[column] : nested(column, values);
  if (value === undefined) {
    throw new SoftpromptError('template-column', { column, columns: Object.keys(values), ...place });
  }
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  const problem = value === null ? 'is null' : Array.isArray(value) ? 'is a list' : 'is an object';
  throw new SoftpromptError('template-value', { column, problem, ...place });
}

/** The value at a path of own properties, or undefined. */
function nested(path: string, values: DataRow['values']): unknown {
  let value: unknown = values;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}
