import type { Tensor } from '../runtime/tensor.ts';

/** Rows of whole numbers as an int64 matrix `[rows, longest]`, filled up with 0 on the right. */
export function integerMatrix(rows: readonly ArrayLike<number>[]): Tensor {
  const width = Math.max(...rows.map((row) => row.length), 1);
  const data = new BigInt64Array(rows.length * width);
  for (const [r, row] of rows.entries()) {
    for (let t = 0; t < row.length; t++) data[r * width + t] = BigInt(row[t]!);
  }
  return { dtype: 'int64', dims: [rows.length, width], data };
}

/** The whole numbers from `from`, so many of them. */
export function counting(count: number, from = 0): readonly number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}
