import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../foundation/random.ts';
import { floatOutput, GraphSession } from '../runtime/session.ts';
import { floats, integers, type Tensor } from '../runtime/tensor.ts';
import { Builder } from './builder.ts';
import { differentiate } from './differentiate.ts';
import type { Value } from './dims.ts';

/** The sum of all elements, as a loss of rank 0. */
function total(b: Builder, x: Value): Value {
  const axes = x.dims.map((_, i) => i);
  return b.reshape(b.reduceSum(x, axes), []);
}

/** Runs a graph for the gradients of a loss. */
async function gradients(
  b: Builder,
  loss: Value,
  wrt: readonly Value[],
  inputs: ReadonlyMap<string, Tensor>,
): Promise<(readonly number[])[]> {
  const values = differentiate(b, loss, wrt);
  for (const value of values) b.graph.output(value);
  const session = await GraphSession.create(b.graph, 'cpu');
  try {
    const found = await session.run(inputs);
    return values.map((value, i) => {
      const { dims, data } = floatOutput(found, value.name);
      assert.equal(dims.length, wrt[i]!.dims.length);
      return Array.from(data);
    });
  } finally {
    await session.close();
  }
}

const x3 = new Map([['x', floats(Float32Array.of(1, 2, 3))]]);

test('a value that is used twice gathers both gradients', async () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [3]);
  // x^2 + 3x, with x^2 as one node that takes x twice
  const loss = total(b, b.add(b.mul(x, x), b.scale(x, 3)));
  assert.deepEqual(await gradients(b, loss, [x], x3), [[5, 7, 9]]);
});

test('a chain with a diamond is walked once', async () => {
  const b = new Builder();
  let h = b.graph.input('x', 'float32', [3]);
  const x = h;
  for (let i = 0; i < 20; i++) h = b.add(h, h);
  const loss = total(b, h);
  const before = b.graph.nodes.length;
  assert.deepEqual(await gradients(b, loss, [x], x3), [[2 ** 20, 2 ** 20, 2 ** 20]]);
  assert.ok(b.graph.nodes.length < 2 * before + 5, 'as many backward as forward nodes, not 2^20');
});

test('broadcasting is undone', async () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [3]);
  const column = b.graph.input('column', 'float32', ['batch', 1]);
  const zero = b.graph.input('zero', 'float32', []);
  const loss = total(b, b.add(b.mul(x, column), zero));
  const inputs = new Map([
    ...x3,
    ['column', floats(Float32Array.of(10, 100), [2, 1])] as const,
    ['zero', floats(Float32Array.of(0), [])] as const,
  ]);
  assert.deepEqual(await gradients(b, loss, [x, column, zero], inputs), [[110, 110, 110], [6, 6], [6]]);
});

test('a value that the loss does not depend on gets zeros of its shape', async () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [3]);
  const apart = b.graph.input('apart', 'float32', ['batch', 2]);
  const inputs = new Map([...x3, ['apart', floats(new Float32Array(4).fill(7), [2, 2])] as const]);
  assert.deepEqual(await gradients(b, total(b, x), [apart, x], inputs), [
    [0, 0, 0, 0],
    [1, 1, 1],
  ]);
});

test('a value behind a comparison or an index gets zeros', async () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [3]);
  const steps = b.cast(b.greater(x, b.scalar(2)), 'float32');
  const picked = b.gather(b.floats('table', Float32Array.of(5, 6, 7, 8)), b.cast(x, 'int64'));
  assert.deepEqual(await gradients(b, total(b, b.add(steps, picked)), [x], x3), [[0, 0, 0]]);
});

test('a gradient may be taken of a value inside the graph', async () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [3]);
  const h = b.scale(x, 2);
  assert.deepEqual(await gradients(b, total(b, b.mul(h, h)), [h, x], x3), [
    [4, 8, 12],
    [8, 16, 24],
  ]);
});

test('nothing is computed towards what is not trained', () => {
  const b = new Builder();
  const frozen = b.graph.input('frozen', 'float32', [4, 4]);
  const below = b.tanh(b.gemm(frozen, frozen, { name: 'below' }));
  const prompt = b.graph.input('prompt', 'float32', [4, 4]);
  const loss = total(b, b.gemm(b.add(below, prompt), b.exp(frozen)));
  const forward = new Set(b.graph.nodes);
  differentiate(b, loss, [prompt]);
  const backward = b.graph.nodes.filter((node) => !forward.has(node)).map((node) => node.op);
  // From the loss down: ones, back through the sum, one product for the prompt, none for either factor below it.
  assert.deepEqual(backward.sort(), ['ConstantOfShape', 'Expand', 'Gemm', 'Reshape']);
});

test('nothing is computed below a value inside the graph', () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [3]);
  const h = b.div(b.exp(x), b.scalar(3));
  const loss = total(b, h);
  const forward = new Set(b.graph.nodes);
  differentiate(b, loss, [h]);
  const backward = b.graph.nodes.filter((node) => !forward.has(node)).map((node) => node.op);
  assert.deepEqual(backward.sort(), ['ConstantOfShape', 'Expand', 'Reshape']);
});

test('rows of a wide table that are taken often gather every gradient, and the same sums in every run', async () => {
  // At this width a runtime spreads the rows over threads, which must not lose or reorder additions to one row.
  const [rows, width, count] = [5, 768, 4000];
  const b = new Builder();
  const table = b.graph.input('table', 'float32', [rows, width]);
  const ids = b.graph.input('ids', 'int64', ['tokens']);
  const weight = b.graph.input('weight', 'float32', ['tokens', width]);
  const [gradient] = differentiate(b, total(b, b.mul(b.gather(table, ids), weight)), [table]);
  b.graph.output(gradient!);
  const random = Random.of(1, 'rows');
  const taken = Array.from({ length: count }, () => random.integer(rows));
  // Multiples of 1/64 whose sums float32 holds exactly, so that any lost one shows.
  const weights = Float32Array.from({ length: count * width }, () => (random.integer(128) - 64) / 64);
  const want = new Float32Array(rows * width);
  weights.forEach((w, i) => {
    want[taken[Math.floor(i / width)]! * width + (i % width)]! += w;
  });
  const inputs = new Map([
    ['table', floats(new Float32Array(rows * width), [rows, width])],
    ['ids', integers(taken)],
    ['weight', floats(weights, [count, width])],
  ]);
  const session = await GraphSession.create(b.graph, 'cpu');
  try {
    for (let run = 0; run < 5; run++) {
      const { data } = floatOutput(await session.run(inputs), gradient!.name);
      assert.deepEqual(data, want);
    }
  } finally {
    await session.close();
  }
});

test('no gradient goes through a value that is held constant', async () => {
  const b = new Builder();
  const x = b.graph.input('x', 'float32', [3]);
  // d/dx sum(x * constant(x * x)) = x * x, not 3 x * x.
  const loss = total(b, b.mul(x, b.stopGradient(b.mul(x, x))));
  assert.deepEqual(await gradients(b, loss, [x], x3), [[1, 4, 9]]);
});
