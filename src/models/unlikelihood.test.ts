import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Builder } from '../onnx/builder.ts';
import { differentiate } from '../onnx/differentiate.ts';
import { floatOutput, GraphSession } from '../runtime/session.ts';
import { floats, integers } from '../runtime/tensor.ts';
import { logComplements } from './lossGraph.ts';

/** log(1 - p) of the first of some logits, and the slopes of its negative. */
async function complement(logits: readonly number[]): Promise<{ value: number; slopes: readonly number[] }> {
  const b = new Builder();
  const x = b.graph.input('logits', 'float32', [1, logits.length]);
  const targets = b.graph.input('targets', 'int64', [1, 1]);
  const value = b.reshape(logComplements(b, b.logSoftmax(x), targets), []);
  const [slopes] = differentiate(b, b.neg(value), [x]);
  b.outputAs('value', value);
  b.outputAs('slopes', slopes!);
  const session = await GraphSession.create(b.graph, 'cpu');
  try {
    const inputs = new Map([
      ['logits', floats(Float32Array.from(logits), [1, logits.length])],
      ['targets', integers([0], [1, 1])],
    ]);
    const outputs = await session.run(inputs);
    return { value: floatOutput(outputs, 'value').data[0]!, slopes: [...floatOutput(outputs, 'slopes').data] };
  } finally {
    await session.close();
  }
}

/** The same in double precision, from log-odds: -log(1 + e^u), whose negative has the slope p. */
function expected([own, ...others]: readonly number[]): { value: number; slopes: readonly number[] } {
  const top = Math.max(...others);
  const exps = others.map((x) => Math.exp(x - top));
  const sum = exps.reduce((a, c) => a + c, 0);
  const odds = own! - top - Math.log(sum);
  const p = 1 / (1 + Math.exp(-odds));
  const value = odds > 0 ? -odds - Math.log1p(Math.exp(-odds)) : -Math.log1p(Math.exp(odds));
  return { value, slopes: [p, ...exps.map((e) => (-p * e) / sum)] };
}

for (const [what, logits] of Object.entries({
  'a token whose complement rounds to 1': [-30, 1, 0.5, 2],
  'a token at the border of the series': [-4.6, 0, -9, -9],
  'one right above it': [-4.59, 0, -9, -9],
  'an unlikely token': [-9, 1, 0.5, 2],
  'tokens that are all alike': [0, 0, 0, 0],
  'a likely token': [6, 0, 1, -2],
  'a token whose probability rounds to 1': [40, 0, 1, -2],
  'one that is 60 nats ahead': [60, 0, 0, -2],
})) {
  test(`log(1 - p) and its slopes are those of double precision for ${what}`, async () => {
    const found = await complement(logits);
    const right = expected(logits);
    // Float32's digits: of the logarithm that a small p is the power of; else of the value, or of the 1 it is a logarithm near.
    const small = -right.value * (4 - Math.log(-right.value));
    const size = right.value > -0.01 ? small : Math.max(1, -right.value);
    assert.ok(Math.abs(found.value - right.value) < 3e-7 * size, `${found.value}, not ${right.value}`);
    for (const [i, slope] of found.slopes.entries()) {
      assert.ok(Math.abs(slope - right.slopes[i]!) < 1e-6, `${slope}, not ${right.slopes[i]}`);
    }
  });
}

test('a token that leaves nothing to the others has a finite loss', async () => {
  const { value, slopes } = await complement([500, 0, 0, 0]);
  assert.ok(Number.isFinite(value) && value < -80);
  assert.ok(slopes.every(Number.isFinite));
});
