import * as zlib from 'node:zlib';
import { type Compressors, parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet';
import { SoftpromptError } from '../foundation/errors.ts';
import { type DataRow, rowValues } from './dataRow.ts';

/** Snappy comes with the reader; zstd with newer versions of Node only. */
const compressors: Compressors = {
  GZIP: (input) => zlib.gunzipSync(input),
  BROTLI: (input) => zlib.brotliDecompressSync(input),
  ...('zstdDecompressSync' in zlib ? { ZSTD: (input: Uint8Array) => zlib.zstdDecompressSync(input) } : {}),
};

/**
 * The rows of a parquet file. Whole numbers are numbers (bigints beyond 2^53), dates ISO strings, lists arrays, what is missing null.
 * @throws SoftpromptError data-invalid
 */
export async function readParquetRows(file: string, bytes: Buffer): Promise<readonly DataRow[]> {
  const source = {
    byteLength: bytes.length,
    slice: (start: number, end?: number) => Uint8Array.from(bytes.subarray(start, end)).buffer,
  };
  let rows: readonly (readonly unknown[])[] = [];
  try {
    const metadata = await parquetMetadataAsync(source);
    const columns = parquetSchema(metadata).children.map((child) => child.element.name);
    await parquetRead({ file: source, metadata, compressors, onComplete: (read) => (rows = read) });
    return rows.map((row, i) => ({
      line: i + 1,
      values: rowValues(columns.map((column, j) => [column, plain(row[j])])),
    }));
  } catch (error) {
    const problem = `cannot be read as parquet (${error instanceof Error ? error.message : String(error)})`;
    throw new SoftpromptError('data-invalid', { file, problem }, { cause: error });
  }
}

/** A value as the other formats have it. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof Date ? value.toISOString() : (value ?? null);
}
