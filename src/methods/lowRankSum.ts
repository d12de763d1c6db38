import { svd } from '../foundation/svd.ts';
import type { LowRankFactors } from './lowRankPath.ts';

/** The change b a of a weight: a `[rank, inFeatures]`, b `[outFeatures, rank]`. */
export interface LowRankChange extends LowRankFactors<Float32Array | Float64Array> {
  readonly rank: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** A change with its factor in a sum. */
export interface WeightedChange {
  readonly change: LowRankChange;
  readonly factor: number;
}

/** The sum as one change, exactly: ranks add up, and the factors lie on the rows of a. */
export function concatenated(parts: readonly WeightedChange[]): LowRankChange {
  const { inFeatures, outFeatures } = parts[0]!.change;
  const rank = parts.reduce((sum, { change }) => sum + change.rank, 0);
  const a = new Float64Array(rank * inFeatures);
  const b = new Float64Array(outFeatures * rank);
  let first = 0;
  for (const { change, factor } of parts) {
    for (let i = 0; i < change.a.length; i++) a[first * inFeatures + i] = factor * change.a[i]!;
    for (let o = 0; o < outFeatures; o++) {
      for (let r = 0; r < change.rank; r++) b[o * rank + first + r] = change.b[o * change.rank + r]!;
    }
    first += change.rank;
  }
  return { rank, inFeatures, outFeatures, a, b };
}

/**
 * The nearest change of a rank (Eckart and Young, 1936): exact where the change's own rank is not larger. Factors of more
 * columns than rows are multiplied out; others are decomposed as they are, at a cost that does not grow with the weight's
 * smaller side.
 */
export function cutToRank(change: LowRankChange, rank: number): LowRankChange {
  const { inFeatures, outFeatures, a, b } = change;
  if (change.rank >= Math.min(inFeatures, outFeatures)) {
    return cutDense(dense(change), outFeatures, inFeatures, rank);
  }
  const inner = change.rank;
  const left = svd(b, outFeatures, inner);
  const right = svd(transposed(a, inner, inFeatures), inFeatures, inner);
  // b a = left.u (left.s left.vᵀ right.v right.s) right.uᵀ
  const core = new Float64Array(inner * inner);
  for (let p = 0; p < inner; p++) {
    for (let q = 0; q < inner; q++) {
      let sum = 0;
      for (let r = 0; r < inner; r++) sum += left.v[r * inner + p]! * right.v[r * inner + q]!;
      core[p * inner + q] = left.s[p]! * sum * right.s[q]!;
    }
  }
  const middle = svd(core, inner, inner);
  const kept = Math.min(rank, inner);
  const newB = multiplied(left.u, outFeatures, inner, middle.u, inner, kept, middle.s);
  const newA = transposed(multiplied(right.u, inFeatures, inner, middle.v, inner, kept), inFeatures, kept);
  return { rank: kept, inFeatures, outFeatures, a: newA, b: newB };
}

/** The same for a change `[outFeatures, inFeatures]` that is no product. */
export function cutDense(matrix: Float64Array, outFeatures: number, inFeatures: number, rank: number): LowRankChange {
  const { u, s, v } = svd(matrix, outFeatures, inFeatures);
  const kept = Math.min(rank, s.length);
  const b = new Float64Array(outFeatures * kept);
  const a = new Float64Array(kept * inFeatures);
  for (let r = 0; r < kept; r++) {
    for (let o = 0; o < outFeatures; o++) b[o * kept + r] = u[o * s.length + r]! * s[r]!;
    for (let i = 0; i < inFeatures; i++) a[r * inFeatures + i] = v[i * s.length + r]!;
  }
  return { rank: kept, inFeatures, outFeatures, a, b };
}

/** A change multiplied out, `[outFeatures, inFeatures]`. */
export function dense(change: LowRankChange): Float64Array {
  const matrix = new Float64Array(change.outFeatures * change.inFeatures);
  for (let o = 0; o < change.outFeatures; o++) {
    addRow(change, o, 1, matrix.subarray(o * change.inFeatures, (o + 1) * change.inFeatures));
  }
  return matrix;
}

/** Squared Frobenius norms of a change minus a sum, and of the sum; a row at a time, as weights may be large. */
export function squaredDistance(
  found: LowRankChange | null,
  sum: readonly WeightedChange[],
): { readonly difference: number; readonly norm: number } {
  const { inFeatures, outFeatures } = sum[0]!.change;
  let [difference, norm] = [0, 0];
  const row = new Float64Array(inFeatures);
  for (let o = 0; o < outFeatures; o++) {
    row.fill(0);
    for (const { change, factor } of sum) addRow(change, o, factor, row);
    norm += squares(row);
    if (found !== null) addRow(found, o, -1, row);
    difference += squares(row);
  }
  return { difference, norm };
}

/** Adds factor times a row of b a. */
function addRow({ a, b, rank, inFeatures }: LowRankChange, o: number, factor: number, row: Float64Array): void {
  for (let r = 0; r < rank; r++) {
    const weight = factor * b[o * rank + r]!;
    if (weight === 0) continue;
    for (let i = 0; i < inFeatures; i++) row[i]! += weight * a[r * inFeatures + i]!;
  }
}

function squares(row: Float64Array): number {
  return row.reduce((sum, x) => sum + x * x, 0);
}

/** The first `kept` columns of the product of x `[rows, inner]` and y `[inner, width]`, each times its scale. */
function multiplied(
  x: Float64Array,
  rows: number,
  inner: number,
  y: Float64Array,
  width: number,
  kept: number,
  scales?: Float64Array,
): Float64Array {
  const result = new Float64Array(rows * kept);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < kept; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += x[i * inner + k]! * y[k * width + j]!;
      result[i * kept + j] = sum * (scales?.[j] ?? 1);
    }
  }
  return result;
}

function transposed(matrix: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j]!;
  }
  return result;
}
