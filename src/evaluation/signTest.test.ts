import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signTest } from './signTest.ts';

test('equals the binomial tail counted by hand', () => {
  assert.equal(signTest(0, 0), 1);
  assert.equal(signTest(3, 3), 1);
  // 2 * (C(10,0) + C(10,1)) / 2^10
  assert.ok(Math.abs(signTest(9, 1) - 22 / 1024) < 1e-12);
  // 2 / 2^5
  assert.ok(Math.abs(signTest(0, 5) - 2 / 32) < 1e-12);
});

test('is symmetric, and stays a probability for many rows', () => {
  assert.equal(signTest(7, 2), signTest(2, 7));
  const p = signTest(2000, 1900);
  assert.ok(p > 0.1 && p < 0.12, `${p}`);
  assert.ok(signTest(3000, 10) < 1e-12);
});
