import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { drawnAdapter } from '../../test/engine/drawn.ts';
import { readCase, tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { openModel } from '../models/model.ts';
import { factors } from './lokr.ts';
import { configureMethod } from './table.ts';

const golden = join(import.meta.dirname, '../../test/golden/peft021/train');
const llama = await openModel(tinyModels.llama);

test('the configs of LOKR and LOHA have all that PEFT has in them', () => {
  for (const name of ['lokr-llama3', 'loha-llama3']) {
    const { peft_version: _, ...keys } = readCase<JsonObject>(join(golden, name, 'final/adapter_config.json'));
    const { peft_type, r, alpha } = keys;
    const { config } = configureMethod({ peft_type: peft_type!, r: r!, alpha: alpha!, task_type: 'CAUSAL_LM' }, llama);
    assert.deepEqual(config, { ...keys, base_model_name_or_path: llama.dir });
  }
});

test('a size falls into two factors as in the examples of PEFT', () => {
  const cases = [
    [256, -1, 16, 16],
    [128, -1, 8, 16],
    [127, -1, 1, 127],
    [128, 4, 4, 32],
    [128, 64, 64, 2],
    [48, 5, 4, 12],
    [48, 7, 6, 8],
  ] as const;
  for (const [size, factor, ...expected] of cases) assert.deepEqual(factors(size, factor), expected);
});

test('a matrix is a product where the rank is less than half of its longer side, the first if both may be', () => {
  const names = (keys: JsonObject) =>
    configureMethod({ peft_type: 'LOKR', target_modules: ['layers.0.mlp.gate_proj'], ...keys }, llama).trainables.map(
      ({ name, dims }) => [name.slice(name.lastIndexOf('.') + 1), ...dims],
    );
  const [outFeatures, inFeatures] = llama.weights.tensors.get('model.layers.0.mlp.gate_proj.weight')!.shape;
  const [out1, out2] = factors(outFeatures!, -1);
  const [in1, in2] = factors(inFeatures!, -1);
  const pair = [
    ['lokr_w2_a', out2, 1],
    ['lokr_w2_b', 1, in2],
  ];
  assert.deepEqual(names({ r: 1 }), [['lokr_w1', out1, in1], ...pair]);
  assert.deepEqual(names({ r: 1, decompose_both: true }), [['lokr_w1_a', out1, 1], ['lokr_w1_b', 1, in1], ...pair]);
  assert.deepEqual(names({ r: Math.ceil(Math.max(out2, in2) / 2), decompose_both: true }), [
    ['lokr_w1', out1, in1],
    ['lokr_w2', out2, in2],
  ]);
});

test('one factor begins as 0: of the first matrix, or of the second as LyCORIS has it', async () => {
  const zeros = async (init_weights: boolean | string, more: JsonObject = {}) => {
    const config = { peft_type: 'LOKR', target_modules: ['layers.0.self_attn.q_proj'], init_weights, r: 1, ...more };
    const { tensors } = await drawnAdapter(llama, 1, config);
    return [...tensors].flatMap(([name, data]) =>
      data.every((x) => x === 0) ? [name.slice(name.lastIndexOf('_w') + 1)] : [],
    );
  };
  assert.deepEqual(await zeros(true), ['w1']);
  assert.deepEqual(await zeros(true, { decompose_both: true }), ['w1_a']);
  assert.deepEqual(await zeros('lycoris'), ['w2_b']);
  assert.deepEqual(await zeros('lycoris', { r: 99 }), ['w2']);
  assert.deepEqual(await zeros(false), []);
});

test('what is not known, or is wrong, is refused by its key', () => {
  const refusals: readonly (readonly [JsonObject, RegExp])[] = [
    [{ peft_type: 'LOKR', init_weights: 'abba' }, /init_weights is "abba"; known are true, lycoris, false/],
    [{ peft_type: 'LOKR', decompose_factor: 0 }, /decompose_factor is 0/],
    [{ peft_type: 'LOHA', init_weights: 'abba' }, /init_weights is "abba"/],
    [{ peft_type: 'LOHA', r2: 4 }, /r2 is not supported/],
    [{ peft_type: 'LOHA', rank_pattern: { q_proj: 0 } }, /r is 0 for/],
  ];
  for (const [config, pattern] of refusals) assert.throws(() => configureMethod(config, llama), pattern);
});
