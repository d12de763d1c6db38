import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clipFactor, gradientNorm } from './clipping.ts';

test('the norm runs over all tensors; clipping brings it to its limit and no further', () => {
  const norm = gradientNorm(
    new Map([
      ['a', Float32Array.of(3, 0)],
      ['b', Float32Array.of(-4)],
    ]),
  );
  assert.equal(norm, 5);
  assert.ok(Math.abs(clipFactor(norm, 1) * norm - 1) < 1e-6);
  assert.equal(clipFactor(0.5, 1), 1);
  assert.equal(clipFactor(0, 1), 1);
  assert.equal(clipFactor(1e9, 0), 1, '0 is no limit');
});
