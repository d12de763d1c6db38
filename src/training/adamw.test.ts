import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdamW, type AdamWOptions, clipFactor, gradientNorm } from './adamw.ts';

const options: AdamWOptions = { weight_decay: 0.1, adam_beta1: 0.9, adam_beta2: 0.99, adam_epsilon: 1e-6 };

/** AdamW as the paper writes it (algorithm 2), for one number, in double precision. */
function byThePaper(start: number, gradients: readonly number[], rates: readonly number[]): number {
  const { weight_decay: decay, adam_beta1: beta1, adam_beta2: beta2, adam_epsilon: epsilon } = options;
  let [x, m, v] = [start, 0, 0];
  for (const [i, g] of gradients.entries()) {
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const mHat = m / (1 - beta1 ** (i + 1));
    const vHat = v / (1 - beta2 ** (i + 1));
    const rate = rates[i]!;
    x = x - rate * decay * x - (rate * mHat) / (Math.sqrt(vHat) + epsilon);
  }
  return x;
}

const gradients = [0.5, -0.25, 3, 0, 1e-4, -2];
const rates = [0, 0.1, 0.2, 0.05, 0.3, 0.1];

test('follows the formula with decoupled decay, at changing rates', () => {
  const optimizer = new AdamW(options);
  const tensors = new Map([
    ['a', Float32Array.of(1, -2)],
    ['b', Float32Array.of(0.5)],
  ]);
  for (const [i, g] of gradients.entries()) {
    const now = new Map([
      ['a', Float32Array.of(g, 2 * g)],
      ['b', Float32Array.of(-g)],
    ]);
    optimizer.step(tensors, now, rates[i]!, 1);
  }
  const expected = [
    byThePaper(1, gradients, rates),
    byThePaper(
      -2,
      gradients.map((g) => 2 * g),
      rates,
    ),
    byThePaper(
      0.5,
      gradients.map((g) => -g),
      rates,
    ),
  ];
  for (const [i, x] of [...tensors.get('a')!, ...tensors.get('b')!].entries()) {
    assert.ok(Math.abs(x - expected[i]!) < 1e-6, `${x}, by the formula ${expected[i]}`);
  }
  assert.equal(optimizer.steps, gradients.length);
});

test('goes on from given moments as if it had never stopped', () => {
  const run = (stopAfter: number | null) => {
    let optimizer = new AdamW(options);
    const tensors = new Map([['a', Float32Array.of(1)]]);
    for (const [i, g] of gradients.entries()) {
      if (i === stopAfter) optimizer = new AdamW(options, optimizer.moments, optimizer.steps);
      optimizer.step(tensors, new Map([['a', Float32Array.of(g)]]), rates[i]!, 1);
    }
    return tensors;
  };
  assert.deepEqual(run(3), run(null));
});

test('scales gradients before everything else', () => {
  const step = (gradient: number, scale: number) => {
    const tensors = new Map([['a', Float32Array.of(1)]]);
    const optimizer = new AdamW(options);
    optimizer.step(tensors, new Map([['a', Float32Array.of(gradient)]]), 0.1, scale);
    return [tensors, optimizer.moments];
  };
  assert.deepEqual(step(4, 0.25), step(1, 1));
});

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
