import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plainOptions } from '../../test/engine/training.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { FactorPair, Method, TrainedTensors } from '../methods/method.ts';
import { baseModel } from '../methods/table.ts';
import type { TrainableSpec } from '../models/attachment.ts';
import { isStateOf, Optimizer, type OptimizerState, optimizedForm } from './optimizer.ts';
import type { OptimizerName, TrainingOptions } from './options.ts';

const options: TrainingOptions = {
  ...plainOptions,
  weight_decay: 0.1,
  adam_beta1: 0.9,
  adam_beta2: 0.99,
  adam_epsilon: 1e-6,
};

/** A method that trains tensors of these shapes. */
function methodOf(shapes: Readonly<Record<string, readonly number[]>>, more: Partial<Method> = {}): Method {
  const trainables: TrainableSpec[] = Object.entries(shapes).map(([name, dims]) => ({ name, dims }));
  return { ...baseModel, peftType: 'LORA', trainables, config: {}, initialise: async () => new Map(), ...more };
}

const pair: FactorPair = { a: 'A', b: 'B', rank: 2, scaling: 0.5 };
const lowRank = () => methodOf({ A: [2, 3], B: [2, 2], bias: [2] }, { factorPairs: [pair], biases: ['bias'] });
const first: Readonly<Record<string, readonly number[]>> = {
  A: [1, 2, -1, 0.5, 1, 3],
  B: [1, -2, 0.5, 3],
  bias: [1, -1],
};
const gradientsOf: Readonly<Record<string, readonly number[]>> = {
  A: [0.3, -1, 2, 0.1, 0.7, -0.2],
  B: [0.5, -0.25, 3, 1e-3],
  bias: [-2, 0.4],
};
const rates = [0, 0.1, 0.2, 0.05, 0.3];

const tensorsOf = (from: Readonly<Record<string, readonly number[]>>, sign = 1): Map<string, Float32Array> =>
  new Map(Object.entries(from).map(([name, data]) => [name, Float32Array.from(data, (x) => sign * x)]));

/** Steps at changing rates with gradients that change sign; stopped after a step, and begun again from what was kept. */
function run(given: Method, changes: Partial<TrainingOptions>, stopAfter = -1): Map<string, Float32Array> {
  const all = { ...options, ...changes };
  const method = optimizedForm(given, all.optim);
  const tensors = tensorsOf(first);
  let optimizer = new Optimizer(all, method, tensors);
  for (const [i, rate] of rates.entries()) {
    if (i === stopAfter) optimizer = new Optimizer(all, method, tensors, optimizer.state, i);
    const gradients = tensorsOf(gradientsOf, i % 2 === 0 ? 1 : -0.5);
    for (const spec of method.trainables) if (spec.frozen) gradients.delete(spec.name);
    optimizer.step(tensors, gradients, rate, 0.5);
  }
  return tensors;
}

/** The gradient numbers of `run`, by step. */
const seen = (g: number) => rates.map((_, i) => 0.5 * g * (i % 2 === 0 ? 1 : -0.5));

/** AdamW as its paper writes it (algorithm 2), for one number, in double precision. */
function byThePaper(start: number, gradients: readonly number[], factor = 1, decay = 0.1): number {
  let [x, m, v] = [start, 0, 0];
  for (const [i, g] of gradients.entries()) {
    m = 0.9 * m + 0.1 * g;
    v = 0.99 * v + 0.01 * g * g;
    const rate = rates[i]! * factor;
    x -= rate * decay * x + (rate * (m / (1 - 0.9 ** (i + 1)))) / (Math.sqrt(v / (1 - 0.99 ** (i + 1))) + 1e-6);
  }
  return x;
}

function assertNear(found: TrainedTensors, name: string, expected: (start: number, i: number) => number): void {
  for (const [i, x] of found.get(name)!.entries()) {
    const meant = expected(first[name]![i]!, i);
    assert.ok(Math.abs(x - meant) < 2e-6, `${name}[${i}] is ${x}, by the formula ${meant}`);
  }
}

test('adamw follows the formula with decoupled decay, at changing rates', () => {
  const found = run(lowRank(), { optim: 'adamw' });
  for (const name of found.keys()) assertNear(found, name, (x, i) => byThePaper(x, seen(gradientsOf[name]![i]!)));
});

test('LoRA+ gives B and vectors a rate of their own, and biases no decay', () => {
  const found = run(lowRank(), { optim: 'adamw', loraplus_lr_ratio: 4 });
  assertNear(found, 'A', (x, i) => byThePaper(x, seen(gradientsOf.A![i]!)));
  assertNear(found, 'B', (x, i) => byThePaper(x, seen(gradientsOf.B![i]!), 4));
  assertNear(found, 'bias', (x, i) => byThePaper(x, seen(gradientsOf.bias![i]!), 4, 0));
});

/** transformers' own Adam, for one number: epsilon before the bias is corrected, the decay last. */
function byTransformers(start: number, gradients: readonly number[]): number {
  let [x, m, v] = [start, 0, 0];
  for (const [i, g] of gradients.entries()) {
    m = 0.9 * m + 0.1 * g;
    v = 0.99 * v + 0.01 * g * g;
    x -= ((rates[i]! * Math.sqrt(1 - 0.99 ** (i + 1))) / (1 - 0.9 ** (i + 1))) * (m / (Math.sqrt(v) + 1e-6));
    x -= rates[i]! * 0.1 * x;
  }
  return x;
}

describe('lora_fa', () => {
  test('leaves A as it is and multiplies the gradient of B by the inverse of A A^T over the squared scaling', () => {
    const found = run(lowRank(), { optim: 'lora_fa' });
    assert.deepEqual(found.get('A'), Float32Array.from(first.A!));
    // A A^T is [[6, -0.5], [-0.5, 10.25]], and 1 / scaling^2 is 4.
    const determinant = 6 * 10.25 - 0.25;
    const inverse = [10.25, 0.5, 0.5, 6].map((x) => (4 * x) / determinant);
    assertNear(found, 'B', (x, i) => {
      const row = gradientsOf.B!.slice(i - (i % 2), i - (i % 2) + 2);
      return byTransformers(x, seen(row[0]! * inverse[i % 2]! + row[1]! * inverse[2 + (i % 2)]!));
    });
    assertNear(found, 'bias', (x, i) => byTransformers(x, seen(gradientsOf.bias![i]!)));
  });

  test('a rank above the width of A gives finite steps', () => {
    const narrow = methodOf({ A: [3, 2], B: [2, 3] }, { factorPairs: [{ ...pair, rank: 3 }] });
    const method = optimizedForm(narrow, 'lora_fa');
    const tensors = new Map([
      ['A', Float32Array.of(1, 2, 2, 4.5, -1, 0.3)],
      ['B', new Float32Array(6)],
    ]);
    // As gradients of B are: rows in the space that the columns of A span, up to their rounding.
    const gradient = Float32Array.from([1, 2, -1, 1 + 2 * 3, 2 + 4.5 * 3, -1 + 0.3 * 3]);
    const exact = { ...options, optim: 'lora_fa' as const, weight_decay: 0, adam_beta1: 0, adam_beta2: 0 };
    new Optimizer(exact, method, tensors).step(tensors, new Map([['B', gradient]]), 1, 1);
    // Each number moves by its sign at the rate; an inverse of rounding would make them all huge, but the sign as well.
    for (const x of tensors.get('B')!) assert.ok(Number.isFinite(x) && Math.abs(x) <= 1.001);
  });

  test('asks for a method with pairs of factors', () => {
    for (const changes of [{ optim: 'lora_fa' }, { optim: 'adamw', loraplus_lr_ratio: 2 }] as const) {
      assert.throws(
        () => run(methodOf({ A: [2, 3] }, { peftType: 'IA3' }), changes),
        (error) => {
          assert.ok(SoftpromptError.is(error, 'optimizer-unsuited'), String(error));
          assert.match(error.message, /tells two low-rank factors apart, and IA3 has none/);
          return true;
        },
      );
    }
  });
});

test('adafactor follows the formula: squares by row and column, updates cut to a root mean square of 1', () => {
  const found = run(lowRank(), { optim: 'adafactor' });
  const [rowMeans, columnMeans] = [
    [0, 0],
    [0, 0],
  ];
  const x = [...first.B!];
  const [second, vector] = [[0, 0], [...first.bias!]];
  for (const [i, rate] of rates.entries()) {
    const keep = 1 - (i + 1) ** -0.8;
    const g = gradientsOf.B!.map((value) => seen(value)[i]!);
    const square = g.map((value) => value ** 2 + 1e-30);
    for (const k of [0, 1]) {
      rowMeans[k] = keep * rowMeans[k]! + ((1 - keep) * (square[2 * k]! + square[2 * k + 1]!)) / 2;
      columnMeans[k] = keep * columnMeans[k]! + ((1 - keep) * (square[k]! + square[2 + k]!)) / 2;
    }
    const mean = (rowMeans[0]! + rowMeans[1]!) / 2;
    const update = g.map((value, j) => value / Math.sqrt((rowMeans[j >> 1]! * columnMeans[j % 2]!) / mean));
    const clip = Math.max(1, Math.sqrt(update.reduce((sum, u) => sum + u * u, 0) / 4));
    for (const j of x.keys()) x[j] = x[j]! * (1 - rate * 0.1) - (rate * update[j]!) / clip;

    const b = gradientsOf.bias!.map((value) => seen(value)[i]!);
    for (const j of b.keys()) second[j] = keep * second[j]! + (1 - keep) * (b[j]! ** 2 + 1e-30);
    const moves = b.map((value, j) => value / Math.sqrt(second[j]!));
    const cut = Math.max(1, Math.hypot(...moves) / Math.SQRT2);
    for (const j of vector.keys()) vector[j] = vector[j]! * (1 - rate * 0.1) - (rate * moves[j]!) / cut;
  }
  assertNear(found, 'B', (_, i) => x[i]!);
  assertNear(found, 'bias', (_, i) => vector[i]!);
});

for (const optim of ['adamw', 'lora_fa', 'adafactor'] as const satisfies readonly OptimizerName[]) {
  test(`${optim} goes on from what it kept as if it had never stopped, and knows what it kept`, () => {
    assert.deepEqual(run(lowRank(), { optim }, 3), run(lowRank(), { optim }));
    const method = optimizedForm(lowRank(), optim);
    const tensors = tensorsOf(first);
    const optimizer = new Optimizer({ ...options, optim }, method, tensors);
    optimizer.step(tensors, tensorsOf(gradientsOf), 0.1, 1);
    const kept: OptimizerState = optimizer.state;
    assert.ok(isStateOf(kept, method.trainables, optim));
    assert.ok(!isStateOf(new Map([...kept].slice(1)), method.trainables, optim));
    assert.ok(!isStateOf(kept, methodOf({ A: [2, 3], B: [2, 3], bias: [2] }).trainables, optim));
  });
}
