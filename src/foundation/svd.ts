/** A thin singular value decomposition: matrix = u diag(s) vᵀ with k = min(rows, columns). All row-major. */
export interface Svd {
  /** `[rows, k]`, with orthonormal columns. */
  readonly u: Float64Array;
  /** `[k]`, largest first, none negative. */
  readonly s: Float64Array;
  /** `[columns, k]`, with orthonormal columns. */
  readonly v: Float64Array;
}

/** Convergence is quadratic: a matrix that needs more passes is not known. */
const mostSweeps = 60;

/**
 * The thin singular value decomposition of a matrix `[rows, columns]`, in float64, by one-sided Jacobi rotations with the
 * longer of two columns put first (Hestenes, 1958; de Rijk, 1989), in about ten passes of rows columns k steps each. The signs of a
 * column of u and the same of v are free together; where s is 0, u is any completion.
 */
export function svd(matrix: ArrayLike<number>, rows: number, columns: number): Svd {
  if (rows < columns) {
    const { u, s, v } = svd(transposed(matrix, rows, columns), columns, rows);
    return { u: v, s, v: u };
  }
  const scale = largest(matrix);
  // Columns lie one after another; scaled so that squares neither overflow nor vanish.
  const turned = columnsOf(transposed(matrix, rows, columns, scale === 0 ? 1 : scale), columns);
  const turns = columnsOf(identity(columns), columns);
  for (let sweep = 0; sweep < mostSweeps && rotateAll(turned, turns); sweep++);
  const norms = turned.map(length);
  const order = norms.map((_, j) => j).sort((a, b) => norms[b]! - norms[a]!);
  const negligible = (norms[order[0] ?? 0] ?? 0) * Number.EPSILON * Math.max(rows, columns);
  const left: Float64Array[] = [];
  for (const j of order) {
    if (norms[j]! > negligible) left.push(turned[j]!.map((x) => x / norms[j]!));
  }
  complete(left, columns, rows);
  return {
    u: interleaved(left, rows),
    s: Float64Array.from(order, (j) => norms[j]! * scale),
    v: interleaved(
      order.map((j) => turns[j]!),
      columns,
    ),
  };
}

/** Makes every pair of columns orthogonal once; says whether any was turned. */
function rotateAll(turned: readonly Float64Array[], turns: readonly Float64Array[]): boolean {
  let any = false;
  for (let p = 0; p < turned.length - 1; p++) {
    for (let q = p + 1; q < turned.length; q++) {
      const x = turned[p]!;
      const y = turned[q]!;
      let [xx, yy, xy] = [0, 0, 0];
      for (let i = 0; i < x.length; i++) {
        xx += x[i]! * x[i]!;
        yy += y[i]! * y[i]!;
        xy += x[i]! * y[i]!;
      }
      // What rounding leaves of a sum of so many products.
      const crossed = Math.abs(xy) > Number.EPSILON * Math.sqrt(x.length) * Math.sqrt(xx) * Math.sqrt(yy);
      if (!crossed && xx >= yy) continue;
      any ||= crossed;
      // Of the two angles the one that leaves the longer column first; without a product it only exchanges them.
      const zeta = (xx - yy) / 2;
      const hypotenuse = Math.hypot(zeta, xy);
      const cosine = Math.sqrt((hypotenuse + Math.abs(zeta)) / (2 * hypotenuse));
      const sine = xy / (2 * hypotenuse * cosine);
      const [c, s] = zeta >= 0 ? [cosine, sine] : [Math.abs(sine), xy < 0 ? -cosine : cosine];
      rotate(x, y, c, s);
      rotate(turns[p]!, turns[q]!, c, s);
    }
  }
  return any;
}

/** (x, y) becomes (c x + s y, c y - s x). */
function rotate(x: Float64Array, y: Float64Array, c: number, s: number): void {
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i]!, y[i]!];
    x[i] = c * a + s * b;
    y[i] = c * b - s * a;
  }
}

/** Adds unit vectors, made orthogonal to those before (twice, as once loses digits), until there are `count`. */
function complete(basis: Float64Array[], count: number, size: number): void {
  for (let axis = 0; basis.length < count; axis++) {
    const vector = new Float64Array(size);
    vector[axis] = 1;
    for (let time = 0; time < 2; time++) {
      for (const other of basis) {
        let along = 0;
        for (let i = 0; i < size; i++) along += vector[i]! * other[i]!;
        for (let i = 0; i < size; i++) vector[i]! -= along * other[i]!;
      }
    }
    const norm = length(vector);
    // Some axis has at least this much outside what fewer than `size` vectors span.
    if (norm > 0.5 / Math.sqrt(size)) basis.push(vector.map((x) => x / norm));
  }
}

function length(vector: Float64Array): number {
  return Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
}

function largest(matrix: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < matrix.length; i++) most = Math.max(most, Math.abs(matrix[i]!));
  return most;
}

function transposed(matrix: ArrayLike<number>, rows: number, columns: number, divisor = 1): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j]! / divisor;
  }
  return result;
}

function identity(size: number): Float64Array {
  const result = new Float64Array(size * size);
  for (let i = 0; i < size; i++) result[i * size + i] = 1;
  return result;
}

function columnsOf(flat: Float64Array, count: number): Float64Array[] {
  const size = count === 0 ? 0 : flat.length / count;
  return Array.from({ length: count }, (_, j) => flat.subarray(j * size, (j + 1) * size));
}

/** Vectors of a size as the columns of a row-major matrix `[size, vectors.length]`. */
function interleaved(vectors: readonly Float64Array[], size: number): Float64Array {
  const result = new Float64Array(size * vectors.length);
  for (const [j, vector] of vectors.entries()) {
    for (let i = 0; i < size; i++) result[i * vectors.length + j] = vector[i]!;
  }
  return result;
}
