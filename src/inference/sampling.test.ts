import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../foundation/random.ts';
import { argmax, chooseToken, logSoftmax } from './sampling.ts';

/** Logits whose softmax is 0.5, 0.25, 0.15, 0.1, not in that order. */
const probabilities = [0.15, 0.5, 0.1, 0.25];
const logits = Float32Array.from(probabilities, (p) => Math.log(p) + 7);
const draws = 20_000;

/** How often each token is drawn. */
function frequencies(temperature: number, topP: number, seed = 1): number[] {
  const random = Random.of(seed, 'draws');
  const counts = probabilities.map(() => 0);
  for (let i = 0; i < draws; i++) counts[chooseToken(logits, { temperature, topP, random })]!++;
  return counts.map((count) => count / draws);
}

/** Five standard errors of a share. */
function near(found: readonly number[], expected: readonly number[]): void {
  for (const [i, p] of expected.entries()) {
    assert.ok(
      Math.abs(found[i]! - p) <= 5 * Math.sqrt((p * (1 - p)) / draws),
      `token ${i}: ${found[i]}, expected ${p}`,
    );
  }
}

test('draws tokens as often as the softmax says', () => near(frequencies(1, 1), probabilities));

test('temperature sharpens and flattens', () => {
  for (const temperature of [0.5, 2]) {
    const powers = probabilities.map((p) => p ** (1 / temperature));
    const sum = powers.reduce((a, b) => a + b);
    near(
      frequencies(temperature, 1),
      powers.map((p) => p / sum),
    );
  }
});

test('top-p keeps the smallest set of likeliest tokens that reaches it, in their proportions', () => {
  near(frequencies(1, 0.7), [0, 2 / 3, 0, 1 / 3]);
  near(frequencies(1, 0.8), [0.15 / 0.9, 0.5 / 0.9, 0, 0.25 / 0.9]);
  near(frequencies(1, 0.4), [0, 1, 0, 0]);
  near(frequencies(1, 0), [0, 1, 0, 0]);
});

test('equal seeds draw equal tokens', () => {
  const tokens = (seed: number) => {
    const random = Random.of(seed, 'draws');
    return Array.from({ length: 50 }, () => chooseToken(logits, { temperature: 1, topP: 0.95, random }));
  };
  assert.deepEqual(tokens(1), tokens(1));
  assert.notDeepEqual(tokens(1), tokens(2));
});

test('temperature 0 and no sampling are greedy; the first of equals wins', () => {
  assert.equal(chooseToken(logits, null), 1);
  assert.equal(chooseToken(logits, { temperature: 0, topP: 1, random: Random.of(1, 'unused') }), 1);
  assert.equal(argmax(Float32Array.of(1, 3, 3, 2)), 1);
});

test('log-softmax holds where exponentials overflow', () => {
  const found = logSoftmax(Float32Array.of(1000, 1000, -1000));
  for (const [i, x] of [-Math.LN2, -Math.LN2, -2000 - Math.LN2].entries()) assert.ok(Math.abs(found[i]! - x) < 1e-9);
  const sum = logSoftmax(logits).reduce((total, x) => total + Math.exp(x), 0);
  assert.ok(Math.abs(sum - 1) < 1e-12);
});
