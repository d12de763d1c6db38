import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelConfig } from '../checkpoint/config.ts';
import { Builder } from '../onnx/builder.ts';
import { GraphSession } from '../runtime/session.ts';
import { floats } from '../runtime/tensor.ts';
import { activationNamed } from './activations.ts';

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const clamped = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);

/** The error function by its series, which has ended after 80 terms for arguments up to 4. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const gelu = (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2));
const geluTanh = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const silu = (x: number) => x * sigmoid(x);
const leaky = (x: number) => (x > 0 ? x : 0.01 * x);

/** By transformers' names: what its ACT2FN computes. */
const formulas: Readonly<Record<string, (x: number) => number>> = {
  ...{ gelu, gelu_python: gelu, gelu_10: (x) => clamped(gelu(x), -10, 10) },
  ...{ gelu_new: geluTanh, gelu_fast: geluTanh, gelu_accurate: geluTanh, gelu_pytorch_tanh: geluTanh },
  ...{
    silu,
    swish: silu,
    quick_gelu: (x) => x * sigmoid(1.702 * x),
    mish: (x) => x * Math.tanh(Math.log1p(Math.exp(x))),
  },
  ...{ leaky_relu: leaky, leakyrelu: leaky, linear: (x) => x, sigmoid, tanh: Math.tanh },
  ...{ relu: (x) => Math.max(x, 0), relu2: (x) => Math.max(x, 0) ** 2, relu6: (x) => clamped(x, 0, 6) },
  laplace: (x) => 0.5 * (1 + erf((x - Math.SQRT1_2) / (0.282095 * Math.SQRT2))),
};

const config = new ModelConfig('config.json', {});
const points = [-4, -2.5, -1, -0.3, 0, 1e-3, 0.4, 0.71, 1.7];

for (const [name, formula] of Object.entries(formulas)) {
  test(`${name} is its formula`, async () => {
    const b = new Builder();
    const xs = /laplace/.test(name) ? points.slice(2) : [...points, ...(name.startsWith('gelu') ? [] : [-60, 8, 60])];
    b.outputAs('y', activationNamed(config, 'hidden_act', name)(b, b.graph.input('x', 'float32', [xs.length])));
    const session = await GraphSession.create(b.graph, 'cpu');
    const found = (await session.run(new Map([['x', floats(Float32Array.from(xs), [xs.length])]]))).get('y')!;
    await session.close();
    for (const [i, x] of xs.entries()) {
      const y = formula(x);
      assert.ok(Math.abs(Number(found.data[i]) - y) <= 2e-6 * Math.max(1, Math.abs(y)), `${x}: ${found.data[i]}, ${y}`);
    }
  });
}

test('an unknown one is refused with those that are known', () => {
  assert.throws(() => activationNamed(config, 'hidden_act', 'prelu'), /hidden_act is "prelu".*leakyrelu.*relu6/);
});
