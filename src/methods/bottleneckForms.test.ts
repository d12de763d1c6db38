import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { Random } from '../foundation/random.ts';
import { openModel } from '../models/model.ts';
import type { SubBlockSite } from '../models/sites.ts';
import { subBlockSites } from '../models/subBlockSites.ts';
import { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import { GraphSession } from '../runtime/session.ts';
import { floats } from '../runtime/tensor.ts';
import { configureMethod } from './table.ts';

/**
 * Every switch of a configuration, against AdapterHub's steps written out for one token (adapters/methods/modeling.py):
 * `pre_forward`, `forward` and `post_forward` of `Adapter` and `ParallelAdapter`.
 */

const model = await openModel(tinyModels.gpt2);
const { hidden } = model.architecture.sizes;
const [site] = subBlockSites(model).filter(({ kind }) => kind === 'mlp');

type Vector = readonly number[];
const add = (x: Vector, y: Vector) => x.map((a, i) => a + y[i]!);
const norm = (x: Vector, weight: Vector, bias: Vector) => {
  const mean = x.reduce((sum, a) => sum + a, 0) / x.length;
  const variance = x.reduce((sum, a) => sum + (a - mean) ** 2, 0) / x.length;
  return x.map((a, i) => ((a - mean) / Math.sqrt(variance + 1e-5)) * weight[i]! + bias[i]!);
};

/** Where the model has a norm at the end of a sub-block: nowhere, after the residual sum or before it. */
type Place = (typeof places)[number];
const places = ['no norm', 'a norm of the sum', 'a norm of the output'] as const;

interface Case {
  readonly keys: JsonObject;
  readonly place: Place;
  /** The model's norm. */
  readonly ownNorm: (x: Vector) => Vector;
  readonly tensor: (name: string) => Vector;
}

/** AdapterHub's steps in its own order; x is the sub-block's residual input, h its output. */
function stepped({ keys, place, ownNorm, tensor }: Case, x: Vector, h: Vector): Vector {
  const linear = (name: string, input: Vector) => {
    const [weight, bias] = [tensor(`${name}.weight`), tensor(`${name}.bias`)];
    return bias.map((b, o) => input.reduce((sum, a, i) => sum + a * weight[o * input.length + i]!, b));
  };
  const adapterNorm = (name: string, input: Vector) => norm(input, tensor(`${name}.weight`), tensor(`${name}.bias`));
  let [states, residual] = [h, h];
  if (keys.is_parallel) states = x;
  else {
    if (keys.original_ln_before) {
      states = add(states, x);
      if (keys.residual_before_ln === 'post_add') residual = states;
      if (place !== 'no norm') states = ownNorm(states);
    }
    if (keys.residual_before_ln === false) residual = states;
  }
  if (keys.ln_before) states = adapterNorm('adapter_norm_before', states);
  states = linear(keys.ln_before ? 'adapter_down.1' : 'adapter_down.0', states).map(Math.tanh);
  states = linear('adapter_up', states);
  const { scaling } = keys;
  const factors = typeof scaling === 'string' ? tensor('scaling') : [scaling as number];
  states = states.map((a, i) => a * factors[factors.length === 1 ? 0 : i]!);
  const inside = keys.adapter_residual_before_ln === true && !keys.is_parallel;
  if (inside) states = add(states, residual);
  if (keys.ln_after) states = adapterNorm('adapter_norm_after', states);
  if (!inside) states = add(states, residual);
  if (keys.original_ln_after === false) return states;
  if (place === 'a norm of the output') return add(ownNorm(states), x);
  return place === 'no norm' ? add(states, x) : ownNorm(add(states, x));
}

async function computed(keys: JsonObject, place: Place): Promise<void> {
  const method = configureMethod({ peft_type: 'BOTTLENECK', ...keys }, model);
  const random = Random.of(1, 'forms');
  const draw = (length: number) => Float32Array.from({ length }, () => 0.5 * random.normal());
  const tensors = new Map(
    method.trainables.map(({ name, dims }) => [name, { data: draw(dims.reduce((n, d) => n * d, 1)), dims }] as const),
  );
  const b = new Builder();
  const trained = new Map(method.trainables.map(({ name, dims }) => [name, b.graph.input(name, 'float32', dims)]));
  const [input, output] = ['input', 'output'].map((name) => b.graph.input(name, 'float32', [1, hidden]));
  const [scale, shift] = [draw(hidden), draw(hidden)];
  const graphNorm = (x: Value) => b.layerNorm(x, b.floats('scale', scale), b.floats('shift', shift), 1e-5);
  const graphNorms: Pick<SubBlockSite, 'postNorm' | 'outputNorm'> = {
    ...(place === 'a norm of the sum' && { postNorm: graphNorm }),
    ...(place === 'a norm of the output' && { outputNorm: graphNorm }),
  };
  const here = { ...site!, ...graphNorms };
  const end = (y: Value) => {
    const sum = b.add(input!, here.outputNorm?.(y) ?? y);
    return here.postNorm?.(sum) ?? sum;
  };
  b.outputAs('result', method.hooks(trained, b).subBlock!(b, here, input!, output!, end));
  const [x, h] = [draw(hidden), draw(hidden)];
  const session = await GraphSession.create(b.graph, 'cpu');
  const results = await session.run(
    new Map([
      ...[...tensors].map(([name, { data, dims }]) => [name, floats(data, dims)] as const),
      ...(
        [
          ['input', x],
          ['output', h],
        ] as const
      ).map(([name, data]) => [name, floats(data, [1, hidden])] as const),
    ]),
  );
  await session.close();
  const expected = stepped(
    {
      keys: { ...defaults, ...keys },
      place,
      ownNorm: (v) => norm(v, [...scale], [...shift]),
      tensor: (name) => [...tensors.get(`${site!.path}.adapters.default.${name}`)!.data],
    },
    [...x],
    [...h],
  );
  for (const [i, y] of expected.entries()) {
    const found = Number(results.get('result')!.data[i]);
    assert.ok(Math.abs(found - y) <= 1e-4 * Math.max(1, Math.abs(y)), `${i}: ${found}, ${y}`);
  }
}

/** Those of seq_bn that the steps read. */
const defaults = { original_ln_before: true, residual_before_ln: true, scaling: 1 } as const;

const switches: readonly JsonObject[] = [
  {},
  { original_ln_before: false },
  { original_ln_after: false },
  { residual_before_ln: false },
  { residual_before_ln: 'post_add' },
  { residual_before_ln: false, original_ln_after: false, scaling: 'channel' },
  { ln_before: true },
  { ln_after: true },
  { ln_after: true, adapter_residual_before_ln: true },
  { adapter_residual_before_ln: true, scaling: 'learned' },
  { scaling: 4 },
  { is_parallel: true, scaling: 4 },
  { is_parallel: true, residual_before_ln: false, ln_before: true, ln_after: true, adapter_residual_before_ln: true },
  { is_parallel: true, original_ln_after: false, scaling: 'learned' },
];

for (const keys of switches) {
  for (const place of places) {
    test(`${JSON.stringify(keys)}, ${place}`, () =>
      computed({ non_linearity: 'tanh', reduction_factor: 6, ...keys }, place));
  }
}
