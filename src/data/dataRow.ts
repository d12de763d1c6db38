/** A row of a data file. */
export interface DataRow {
  /** By column; without a prototype, so that a column may have any name. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The line of the file it starts on, from 1; in a parquet file, which has no lines, the row, from 1. */
  readonly line: number;
}

/** A row's values, safe for columns called `__proto__` and the like. */
export function rowValues(entries: Iterable<readonly [string, unknown]>): DataRow['values'] {
  const values: Record<string, unknown> = Object.create(null);
  for (const [column, value] of entries) values[column] = value;
  return values;
}
