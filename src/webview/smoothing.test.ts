import assert from 'node:assert/strict';
import { test } from 'node:test';
import { smoothed } from './smoothing.ts';

test('a constant series stays constant from its first point on', () => {
  for (const value of smoothed([2, 2, 2, 2], 0.9)) assert.ok(Math.abs(value - 2) < 1e-12);
});

test('each point is the average of those before it, weighted by age', () => {
  const weight = 0.5;
  const [, , third] = smoothed([1, 2, 4], weight);
  const weights = [weight ** 2, weight, 1];
  const expected = (1 * weights[0]! + 2 * weights[1]! + 4 * weights[2]!) / weights.reduce((a, b) => a + b);
  assert.ok(Math.abs((third as number) - expected) < 1e-12);
});

test('weight 0 leaves the series as it is, and no points give none', () => {
  assert.deepEqual(smoothed([3, 1, 2], 0), [3, 1, 2]);
  assert.deepEqual(smoothed([], 0.9), []);
});
