import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { SoftpromptError } from '../foundation/errors.ts';
import { fileError } from '../foundation/files.ts';
import type { DataRow } from './dataRow.ts';
import { parseDelimitedRows } from './delimitedRows.ts';
import { parseJsonFile, parseJsonRows } from './jsonRows.ts';
import { readParquetRows } from './parquetRows.ts';
import { parseTextRows } from './textRows.ts';

type Reader = (file: string, bytes: Buffer) => readonly DataRow[] | Promise<readonly DataRow[]>;

/** The formats, by the end of the file's name. */
const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['.jsonl', parseJsonRows],
  ['.json', parseJsonFile],
  ['.csv', (file, bytes) => parseDelimitedRows(file, bytes, ',')],
  ['.tsv', (file, bytes) => parseDelimitedRows(file, bytes, '\t')],
  ['.parquet', readParquetRows],
  ['.txt', parseTextRows],
]);

/**
 * Reads the rows of a data file, in their order. Blank lines are left out; a file without any row is an error.
 * @throws SoftpromptError file-missing, file-unreadable, data-invalid (with the line)
 */
export async function readRows(file: string): Promise<readonly DataRow[]> {
  const read = readers.get(extname(file).toLowerCase());
  if (read === undefined) {
    throw new SoftpromptError('data-invalid', {
      file,
      problem: 'has a name that does not end in a format that can be read',
      todo: `Formats: ${[...readers.keys()].join(', ')}.`,
    });
  }
  const bytes = await readFile(file).catch((error: unknown) => {
    throw fileError(file, error);
  });
  const rows = await read(file, bytes);
  if (rows.length === 0) throw new SoftpromptError('data-invalid', { file, problem: 'has no rows' });
  return rows;
}
