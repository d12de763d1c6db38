import type { Random } from './random.ts';
import { type Svd, svd } from './svd.ts';

/**
 * About the `rank` largest parts of the singular value decomposition of a matrix `[rows, columns]`, by a random
 * projection and `rounds` rounds of subspace iteration: Halko, Martinsson and Tropp, https://arxiv.org/abs/0909.4061,
 * algorithms 4.4 and 5.1, as torch.svd_lowrank computes it. More rounds come nearer.
 */
export function randomisedSvd(
  matrix: Float32Array,
  rows: number,
  columns: number,
  { rank, rounds, random }: { readonly rank: number; readonly rounds: number; readonly random: Random },
): Svd {
  const forth = (x: Float64Array) => times(matrix, x, rows, columns, rank);
  const back = (x: Float64Array) => transposedTimes(matrix, x, rows, columns, rank);
  let basis = orthonormal(forth(Float64Array.from({ length: columns * rank }, () => random.normal())), rows, rank);
  for (let round = 0; round < rounds; round++) {
    basis = orthonormal(forth(orthonormal(back(basis), columns, rank)), rows, rank);
  }
  // The matrix within the basis, the other way round: `[columns, rank]`.
  const { u: v, s, v: within } = svd(back(basis), columns, rank);
  return { u: times(basis, within, rows, rank, rank), s, v };
}

/** Orthonormal columns that span those of x `[rows, columns]`. */
function orthonormal(x: Float64Array, rows: number, columns: number): Float64Array {
  return svd(x, rows, columns).u;
}

/** A `[rows, inner]` times x `[inner, columns]`. */
function times(
  a: Float32Array | Float64Array,
  x: Float64Array,
  rows: number,
  inner: number,
  columns: number,
): Float64Array {
  const product = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const factor = a[i * inner + k]!;
      for (let j = 0; j < columns; j++) product[i * columns + j]! += factor * x[k * columns + j]!;
    }
  }
  return product;
}

/** A `[inner, rows]` the other way round, times x `[inner, columns]`. */
function transposedTimes(a: Float32Array, x: Float64Array, inner: number, rows: number, columns: number): Float64Array {
  const product = new Float64Array(rows * columns);
  for (let k = 0; k < inner; k++) {
    for (let i = 0; i < rows; i++) {
      const factor = a[k * rows + i]!;
      for (let j = 0; j < columns; j++) product[i * columns + j]! += factor * x[k * columns + j]!;
    }
  }
  return product;
}
