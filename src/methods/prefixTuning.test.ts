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
  await assert.rejects(configured(tinyModels.gpt2, { init_weights: 'one' }), refused(/init_weights is "one"/));
  const { initial } = await configured(tinyModels.gpt2, { init_weights: 'zero', prefix_projection: true });
  await assert.rejects(initial(), refused(/init_weights is zero, which goes without prefix_projection/));
});
