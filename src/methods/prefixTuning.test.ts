import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCase, tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { openModel } from '../models/model.ts';
import { configureMethod } from './table.ts';

const peft = join(import.meta.dirname, '../../test/golden/peft021/train');

async function configured(dir: string, config: JsonObject) {
  const model = await openModel(dir);
  const method = configureMethod({ peft_type: 'PREFIX_TUNING', num_virtual_tokens: 4, ...config }, model);
  return { method, initial: () => method.initialise({ model, random: Random.of(1, 'init'), encode: null }) };
}

const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(SoftpromptError.is(error, 'config-key'), String(error));
  assert.match(error.message, pattern);
  return true;
};

test("a prefix's config has all that PEFT's own has, and counts the heads of keys and values", async () => {
  const { peft_version: _, ...keys } = readCase<JsonObject>(join(peft, 'prefix-llama3-proj/final/adapter_config.json'));
  const { method } = await configured(tinyModels.llama, { prefix_projection: true, encoder_hidden_size: 20 });
  assert.deepEqual(method.config, { ...keys, base_model_name_or_path: tinyModels.llama });
});

test('a prefix begins with zeros, or with standard normal numbers as in PEFT', async () => {
  const zero = await (await configured(tinyModels.gpt2, { init_weights: 'zero' })).initial();
  assert.deepEqual([...zero.keys()], ['prompt_embeddings']);
  assert.deepEqual(zero.get('prompt_embeddings'), new Float32Array(4 * 2 * 2 * 40));
  const drawn = (await (await configured(tinyModels.gpt2, {})).initial()).get('prompt_embeddings')!;
  const meanSquare = drawn.reduce((sum, x) => sum + x * x, 0) / drawn.length;
  // Five standard errors.
  assert.ok(Math.abs(meanSquare - 1) < 5 * Math.sqrt(2 / drawn.length), String(meanSquare));
});

test('what is no prefix of the model is refused', async () => {
  await assert.rejects(
    configured(tinyModels.llama, { token_dim: 48 }),
    refused(/token_dim is 48; the model's keys and values have 24/),
  );
});

test('a prefix begins in one way that there is', async () => {
  const refusals: readonly (readonly [JsonObject, RegExp])[] = [
    [{ init_weights: 'one' }, /init_weights is "one"; known: zero/],
    [{ prompt_tuning_init: 'RANDOM' }, /prompt_tuning_init is "RANDOM"; known: SAMPLE_VOCAB, TEXT/],
    [{ init_weights: 'zero', prompt_tuning_init: 'TEXT' }, /prompt_tuning_init is TEXT, but init_weights is zero/],
    [{ init_weights: 'zero', prefix_projection: true }, /init_weights is zero, which goes without prefix_projection/],
    [{ prompt_tuning_init: 'TEXT' }, /prompt_tuning_init is TEXT, but the model has no tokenizer/],
  ];
  for (const [config, pattern] of refusals) {
    const { initial } = await configured(tinyModels.gpt2, config);
    await assert.rejects(initial(), refused(pattern));
  }
});

test('how a prefix began is not stored in a key that PEFT does not know', async () => {
  const { method } = await configured(tinyModels.gpt2, { prompt_tuning_init: 'TEXT', prompt_tuning_init_text: 'a' });
  const { config } = (await configured(tinyModels.gpt2, {})).method;
  assert.deepEqual(method.config, config);
});
