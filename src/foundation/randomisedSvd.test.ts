import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from './random.ts';
import { randomisedSvd } from './randomisedSvd.ts';
import { svd } from './svd.ts';

const draw = Random.of(5, 'matrix');

/** A matrix whose singular values fall by half. */
function falling(rows: number, columns: number): Float32Array {
  const matrix = Float64Array.from({ length: rows * columns }, () => draw.normal());
  const { u, s, v } = svd(matrix, rows, columns);
  const k = s.length;
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    let sum = 0;
    for (let p = 0; p < k; p++) sum += u[Math.floor(at / columns) * k + p]! * 2 ** -p * v[(at % columns) * k + p]!;
    return sum;
  });
}

for (const [rows, columns] of [
  [30, 20],
  [20, 30],
] as const) {
  test(`${rows} x ${columns}: gives the largest parts, with orthonormal vectors`, () => {
    const matrix = falling(rows, columns);
    const rank = 4;
    const { u, s, v } = randomisedSvd(matrix, rows, columns, { rank, rounds: 16, random: Random.of(1, 'projection') });
    assert.deepEqual([u.length, s.length, v.length], [rows * rank, rank, columns * rank]);
    for (const [k, value] of s.entries()) {
      assert.ok(Math.abs(value / 2 ** -k - 1) < 1e-6, `${value} for ${2 ** -k}`);
      // A v is s u, and the vectors are of length 1.
      let length = 0;
      for (let i = 0; i < rows; i++) {
        let sum = 0;
        for (let j = 0; j < columns; j++) sum += matrix[i * columns + j]! * v[j * rank + k]!;
        assert.ok(Math.abs(sum - value * u[i * rank + k]!) < 1e-6);
        length += u[i * rank + k]! ** 2;
      }
      assert.ok(Math.abs(length - 1) < 1e-12);
    }
  });
}
