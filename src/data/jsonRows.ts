import { SoftpromptError } from '../foundation/errors.ts';
import { type DataRow, rowValues } from './dataRow.ts';
import { textBytes, textLines } from './textFile.ts';

/**
 * The rows of a JSON Lines file: an object a line.
 * @throws SoftpromptError data-invalid with the line
 */
export function parseJsonRows(file: string, bytes: Buffer): readonly DataRow[] {
  const rows: DataRow[] = [];
  for (const { line, content } of textLines(textBytes(file, bytes))) {
    rows.push({ line, values: rowValues(Object.entries(parseObject(file, line, content))) });
  }
  return rows;
}

/**
 * The rows of a JSON file: an array of objects, or, where it does not begin as one, an object a line.
 * @throws SoftpromptError data-invalid with the line
 */
export function parseJsonFile(file: string, bytes: Buffer): readonly DataRow[] {
  const content = textBytes(file, bytes);
  const text = content.toString('utf8');
  if (!text.trimStart().startsWith('[')) return parseJsonRows(file, bytes);
  let values: readonly unknown[];
  try {
    values = JSON.parse(text) as readonly unknown[];
  } catch (error) {
    const problem = `is not valid JSON (${error instanceof Error ? error.message : String(error)})`;
    throw new SoftpromptError('data-invalid', { file, problem }, { cause: error });
  }
  const lines = elementLines(text);
  return values.map((value, i) => {
    const line = lines[i]!;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { line, values: rowValues(Object.entries(value)) };
    }
    throw new SoftpromptError('data-invalid', { file, line, problem: `row ${i + 1} is not a JSON object` });
  });
}

/** The line that each element of a JSON array begins on, from 1; the text is known to be valid. */
function elementLines(text: string): readonly number[] {
  const lines: number[] = [];
  const start = text.indexOf('[');
  let line = text.slice(0, start).split('\n').length;
  let depth = 1;
  let awaited = true;
  for (let at = start + 1; depth > 0; at++) {
    const sign = text[at]!;
    if (sign === '\n') line++;
    else if (awaited && !' \t\r]'.includes(sign)) {
      lines.push(line);
      awaited = false;
    }
    if (sign === '"') while (text[++at] !== '"') if (text[at] === '\\') at++;
    if (sign === '[' || sign === '{') depth++;
    else if (sign === ']' || sign === '}') depth--;
    else if (sign === ',' && depth === 1) awaited = true;
  }
  return lines;
}

function parseObject(file: string, line: number, content: string): object {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    const problem = `is not valid JSON (${error instanceof Error ? error.message : String(error)})`;
    const todo = 'Write one whole JSON object a line.';
    throw new SoftpromptError('data-invalid', { file, line, problem, todo }, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new SoftpromptError('data-invalid', {
    file,
    line,
    problem: 'is not a JSON object',
    todo: 'Write one object a line, such as {"text": "...", "label": "..."}.',
  });
}
