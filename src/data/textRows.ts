import { type DataRow, rowValues } from './dataRow.ts';
import { textBytes, textLines } from './textFile.ts';

/**
 * The rows of a plain text: every line that is not blank is a row with the one column `text`.
 * @throws SoftpromptError data-invalid with the line
 */
export function parseTextRows(file: string, bytes: Buffer): readonly DataRow[] {
  return Array.from(textLines(textBytes(file, bytes)), ({ line, content }) => ({
    line,
    values: rowValues([['text', content]]),
  }));
}
