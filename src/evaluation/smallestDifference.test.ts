import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalQuantile, smallestDifference } from './smallestDifference.ts';

test('normal quantiles are those of the tables', () => {
  // R's qnorm(0.975), qnorm(0.8) and qnorm(0.9995).
  for (const [p, z] of [
    [0.975, 1.959963984540054],
    [0.8, 0.8416212335729143],
    [0.9995, 3.2905267314919255],
  ] as const) {
    assert.ok(Math.abs(normalQuantile(p) - z) < 1e-9, `${normalQuantile(p)}`);
  }
});

test("the smallest difference is Connor's", () => {
  // powerandsamplesize.com, "McNemar Z-test, 2-Sided Equality", after Connor (1987): with p01 = 0.45, p10 = 0.05, alpha = 0.05 and
  // power 0.8, where half of the rows differ, a difference of 0.4 takes 23 rows.
  assert.ok(smallestDifference(23, 23 / 2, 0.05) <= 0.4);
  assert.ok(smallestDifference(22, 22 / 2, 0.05) > 0.4);
});

test('no fewer rows are promised to be enough than the exact test needs', () => {
  // Six rows that all differ one way: 2 / 2^6 < 0.05; of 15 pairs together 10 rows: 15 * 2 / 2^10 < 0.05.
  assert.ok(smallestDifference(100, 0, 0.05) >= 6 / 100);
  assert.ok(smallestDifference(100, 0, 0.05 / 15) >= 10 / 100);
  assert.ok(smallestDifference(5, 0, 0.05) > 1);
  assert.ok(smallestDifference(1000, 100, 0.05) < smallestDifference(1000, 300, 0.05));
});
