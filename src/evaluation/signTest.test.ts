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

test("equals McNemar's exact test of statsmodels", () => {
  // statsmodels/stats/tests/test_nonparametric.py, test_mcnemar_exact: rows in which just one side is right, and p to six digits.
  for (const [wins, losses, p] of [
    [121, 59, 0.000004],
    [70, 59, 0.378688],
    [80, 59, 0.089452],
    [30, 60, 0.00206],
    [10, 30, 0.002221],
    [10, 10, 1],
  ] as const) {
    assert.ok(Math.abs(signTest(wins, losses) - p) < 1.5e-6, `${wins} ${losses}: ${signTest(wins, losses)}`);
  }
});
