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
