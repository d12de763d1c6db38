import { CsvError, parse } from 'csv-parse/sync';
import { SoftpromptError } from '../foundation/errors.ts';
import { type DataRow, rowValues } from './dataRow.ts';
import { textBytes } from './textFile.ts';

/**
 * The rows of a comma- or tab-separated file (RFC 4180: fields with the separator, quotes or line ends in them are
 * quoted). The first line names the columns; every value is a string.
 * @throws SoftpromptError data-invalid with the line
 */
export function parseDelimitedRows(file: string, bytes: Buffer, delimiter: ',' | '\t'): readonly DataRow[] {
  const [header, ...records] = parseRecords(file, textBytes(file, bytes), delimiter);
  if (header === undefined) return [];
  const columns = header.fields;
  const repeated = columns.find((column, i) => columns.indexOf(column) < i);
  if (repeated !== undefined) throw invalid(file, header.line, `names the column ${JSON.stringify(repeated)} twice`);
  return records.map(({ line, fields }) => {
    if (fields.length !== columns.length) {
      throw invalid(file, line, `has ${fields.length} fields where the first line names ${columns.length} columns`);
    }
    return { line, values: rowValues(columns.map((column, i) => [column, fields[i]])) };
  });
}

interface RecordOfFields {
  readonly line: number;
  readonly fields: readonly string[];
}

function parseRecords(file: string, bytes: Buffer, delimiter: string): readonly RecordOfFields[] {
  const lineOf = lineCounter(bytes);
  const records: RecordOfFields[] = [];
  let end = 0;
  try {
    parse(bytes, {
      delimiter,
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (fields: string[], info) => {
        records.push({ line: lineOf(end), fields });
        end = info.bytes;
        return null;
      },
    });
    return records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw invalid(file, lineOf(end), `cannot be split into fields (${error.message})`, error);
  }
}

/**
 * Gives the line of the first record at or after a byte; to be asked in rising order. (The parser's own count takes a
 * CRLF inside quotes for two lines.)
 */
function lineCounter(bytes: Buffer): (from: number) => number {
  let line = 1;
  let at = 0;
  return (from) => {
    for (; at < bytes.length && (at < from || bytes[at] === 0x0a || bytes[at] === 0x0d); at++) {
      if (bytes[at] === 0x0a) line += 1;
    }
    return line;
  };
}

function invalid(file: string, line: number, problem: string, cause?: unknown): SoftpromptError {
  const todo = 'Quote fields that hold separators, quotes or line ends, and double the quotes inside.';
  return new SoftpromptError('data-invalid', { file, line, problem, todo }, { cause });
}
