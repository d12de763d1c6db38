import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { drawnAdapter, drawnRows } from '../../test/engine/drawn.ts';
import { scoresOf } from '../../test/engine/scores.ts';
import { readCase, tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { readFloat32 } from '../checkpoint/tensorReading.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { openModel } from '../models/model.ts';
import { configureMethod } from './table.ts';

const golden = join(import.meta.dirname, '../../test/golden/peft021');
const [gpt2, llama] = [await openModel(tinyModels.gpt2), await openModel(tinyModels.llama)];

const ia3 = (keys: JsonObject = {}, model = llama) => configureMethod({ peft_type: 'IA3', ...keys }, model);
const shapes = (keys: JsonObject) =>
  ia3(keys).trainables.map(({ name, dims }) => `${name.replace('base_model.model.model.layers.', '')} ${dims}`);

test("its config has all that PEFT's own has, PEFT's default targets among it", () => {
  for (const [name, model] of [
    ['ia3-gpt2', gpt2],
    ['ia3-llama3', llama],
  ] as const) {
    const peft = readCase<JsonObject>(join(golden, 'train', name, 'final/adapter_config.json'));
    const { peft_version: _, target_modules, ...keys } = peft;
    const { target_modules: own, ...config } = ia3({}, model).config;
    assert.deepEqual(config, { ...keys, base_model_name_or_path: model.dir });
    assert.deepEqual([...(own as string[])].sort(), [...(target_modules as string[])].sort());
  }
});

test('feedforward modules scale what goes in, others what comes out', () => {
  const target_modules = ['0.self_attn.k_proj', '0.mlp.down_proj'];
  const { hidden, kvHeads, headDim } = llama.architecture.sizes;
  const inner = llama.config.integer('intermediate_size');
  const expected = [`0.self_attn.k_proj.ia3_l ${kvHeads * headDim},1`, `0.mlp.down_proj.ia3_l 1,${inner}`];
  assert.deepEqual(shapes({ target_modules }), expected);
  const without = shapes({ target_modules, feedforward_modules: [] });
  assert.deepEqual(without[1], `0.mlp.down_proj.ia3_l ${hidden},1`);
  assert.deepEqual(shapes({ target_modules, feedforward_modules: '.*down_proj' }), expected);
  assert.notEqual(ia3({ target_modules }).structure, ia3({ target_modules, feedforward_modules: [] }).structure);
});

test('untrained it is the base model to the bit', async () => {
  const language = await LanguageModel.open(tinyModels.gpt2, 'cpu');
  try {
    const rows = drawnRows(gpt2, 4);
    const scores = async (keys: JsonObject) =>
      scoresOf(await language.attach(await drawnAdapter(gpt2, 1, { peft_type: 'IA3', ...keys })), rows);
    const base = await scoresOf(await language.attach(null), rows);
    assert.deepEqual(await scores({}), base);
    assert.notDeepEqual(await scores({ init_ia3_weights: false }), base);
  } finally {
    await language.close();
  }
});

test('modules to save are trained whole; unknown layers are refused', async () => {
  const saved = { peft_type: 'IA3', modules_to_save: ['lm_head'] };
  const { method, tensors } = await drawnAdapter(llama, 1, saved);
  const name = 'base_model.model.lm_head.weight';
  assert.equal(method.trainables.at(-1)?.name, name);
  assert.deepEqual(tensors.get(name), await readFloat32(llama.weights.tensors.get('lm_head.weight')!));
  assert.throws(() => ia3({ target_modules: ['dwn_proj'] }), /Did you mean down_proj\?/);
});
