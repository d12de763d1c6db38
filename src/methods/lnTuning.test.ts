import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCase, tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { openModel } from '../models/model.ts';
import { configureMethod } from './table.ts';

const golden = join(import.meta.dirname, '../../test/golden/peft021/train');
const [gpt2, llama, gemma] = [
  await openModel(tinyModels.gpt2),
  await openModel(tinyModels.llama),
  await openModel(tinyModels.gemma),
];
const tuned = (keys: JsonObject, model = llama) => configureMethod({ peft_type: 'LN_TUNING', ...keys }, model);
const weights = (keys: JsonObject, model = llama) =>
  tuned(keys, model).trainables.map(({ name }) =>
    name.replace('base_model.model.', '').replace('ln_tuning_layers.', ''),
  );

test("its config is PEFT's own, its targets by default PEFT's for the model", () => {
  for (const [name, model] of [
    ['ln-gpt2', gpt2],
    ['ln-llama3', llama],
  ] as const) {
    const { peft_version: _, ...keys } = readCase<JsonObject>(join(golden, name, 'final/adapter_config.json'));
    const sorted = (config: JsonObject) => ({
      ...config,
      target_modules: [...(config.target_modules as string[])].sort(),
    });
    assert.deepEqual(sorted(tuned({}, model).config), sorted({ ...keys, base_model_name_or_path: model.dir }));
  }
});

test('it trains every parameter of any module that is named, norms or not', () => {
  assert.deepEqual(weights({ target_modules: ['ln_f'] }, gpt2), ['transformer.ln_f.weight', 'transformer.ln_f.bias']);
  assert.deepEqual(weights({ target_modules: ['norm', 'lm_head'] }).toSorted(), [
    'lm_head.weight',
    'model.norm.weight',
  ]);
  assert.deepEqual(weights({ target_modules: '.*norm', exclude_modules: '.*layers.*' }), ['model.norm.weight']);
  assert.deepEqual(weights({ target_modules: ['norm'], modules_to_save: ['lm_head'] }), [
    'model.norm.weight',
    'lm_head.weight',
  ]);
});

test('names of nothing, and a table that two modules share, are refused', () => {
  const refused = (keys: JsonObject, reason: 'targets-unmatched' | 'not-supported', model = llama) =>
    assert.throws(
      () => tuned(keys, model),
      (error) => SoftpromptError.is(error, reason),
    );
  refused({ target_modules: ['ln_1'] }, 'targets-unmatched');
  refused({ target_modules: ['embed_tokens'] }, 'not-supported', gemma);
});
