import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from './random.ts';
import { type Svd, svd } from './svd.ts';

const shapes = [
  [1, 1],
  [5, 5],
  [9, 4],
  [4, 9],
  [1, 7],
  [7, 1],
  [40, 33],
] as const;

function drawn(rows: number, columns: number, seed = 1): Float64Array {
  const random = Random.of(seed, 'matrix');
  return Float64Array.from({ length: rows * columns }, () => random.normal());
}

function product(a: Float64Array, b: Float64Array, rows: number, inner: number, columns: number): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += a[i * inner + k]! * b[k * columns + j]!;
    return sum;
  });
}

/** Checks everything that a decomposition promises, to `tolerance` of the largest singular value. */
function check(matrix: ArrayLike<number>, rows: number, columns: number, tolerance = 1e-14): Svd {
  const { u, s, v } = svd(matrix, rows, columns);
  const k = Math.min(rows, columns);
  const scale = s[0]!;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let l = 0; l < k; l++) sum += u[i * k + l]! * s[l]! * v[j * k + l]!;
      assert.ok(Math.abs(sum - matrix[i * columns + j]!) <= tolerance * k * scale, `element ${i}, ${j}`);
    }
  }
  for (const [basis, size] of [
    [u, rows],
    [v, columns],
  ] as const) {
    for (let p = 0; p < k; p++) {
      for (let q = 0; q < k; q++) {
        let dot = 0;
        for (let i = 0; i < size; i++) dot += basis[i * k + p]! * basis[i * k + q]!;
        assert.ok(Math.abs(dot - Number(p === q)) <= tolerance * k, `columns ${p}, ${q}`);
      }
    }
  }
  for (let l = 0; l < k; l++) assert.ok(s[l]! >= 0 && (l === 0 || s[l - 1]! >= s[l]!), `s[${l}]`);
  return { u, s, v };
}

test('a matrix is u diag(s) vᵀ, with orthonormal columns and falling s', () => {
  for (const [rows, columns] of shapes) check(drawn(rows, columns), rows, columns);
});

test('singular values that are known come out, whatever the scale', () => {
  for (const scale of [1, 1e-200, 1e200]) {
    // Its transpose times itself is [25, 20; 20, 25], whose eigenvalues are 45 and 5.
    const { s } = check([3 * scale, 0, 4 * scale, 5 * scale], 2, 2);
    assert.ok(Math.abs(s[0]! / scale - Math.sqrt(45)) < 1e-14);
    assert.ok(Math.abs(s[1]! / scale - Math.sqrt(5)) < 1e-14);
  }
});

test('a matrix of rank 3 has three singular values that are not 0, and full bases all the same', () => {
  for (const [rows, columns] of [
    [12, 8],
    [8, 12],
  ] as const) {
    const { s } = check(product(drawn(rows, 3), drawn(3, columns, 2), rows, 3, columns), rows, columns);
    assert.ok(s[2]! > 0.1 * s[0]!);
    assert.ok(s[3]! < 1e-14 * s[0]!);
  }
});

test('zeros, equal columns, and columns of zeros are decomposed', () => {
  const { s } = svd(new Float64Array(12), 4, 3);
  assert.deepEqual([...s], [0, 0, 0]);
  check(new Float64Array(12), 4, 3);
  check(new Float64Array(20).fill(1), 4, 5);
  check([0, 2, 0, 0, 0, 1], 2, 3);
  const identity = Float64Array.from({ length: 25 }, (_, i) => Number(i % 6 === 0));
  assert.deepEqual([...check(identity, 5, 5).s], [1, 1, 1, 1, 1]);
});

test('cutting after k leaves the error that Eckart and Young promise: the norm of the values left out', () => {
  const [rows, columns, kept] = [10, 7, 3];
  const matrix = drawn(rows, columns);
  const { u, s, v } = svd(matrix, rows, columns);
  let error = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let l = 0; l < kept; l++) sum += u[i * columns + l]! * s[l]! * v[j * columns + l]!;
      error += (matrix[i * columns + j]! - sum) ** 2;
    }
  }
  const left = s.subarray(kept).reduce((sum, x) => sum + x * x, 0);
  assert.ok(Math.abs(error - left) < 1e-12 * left);
});
