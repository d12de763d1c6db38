import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { bytesOf } from '../../test/engine/training.ts';
import { readCase, readTensors, tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { readFloat32 } from '../checkpoint/tensorReading.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { openModel } from '../models/model.ts';
import type { Encode } from './method.ts';
import { configureMethod } from './table.ts';

const golden = join(import.meta.dirname, '../../test/golden');
const name = 'prompt_embeddings';

/** The first tensors of a prompt. */
async function initialised(dir: string, config: JsonObject, { seed = 1, encode = null as Encode | null } = {}) {
  const model = await openModel(dir);
  const method = configureMethod({ peft_type: 'PROMPT_TUNING', num_virtual_tokens: 8, ...config }, model);
  return method.initialise({ model, random: Random.of(seed, 'init'), encode });
}

const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(SoftpromptError.is(error, 'config-key'), String(error));
  assert.match(error.message, pattern);
  return true;
};

for (const [set, path] of [
  ['peft010', 'train/prompt-gpt2-text'],
  ['peft021', 'train/prompt-gpt2-accum2'],
  ['peft021', 'train/prompt-gemma3-text'],
] as const) {
  test(`TEXT repeats the embeddings of the text as PEFT does: ${set}/${path}`, async () => {
    const { model, text_init_token_ids: ids } = readCase<{ model: string; text_init_token_ids: number[] }>(
      join(golden, set, path, 'case.json'),
    );
    const { shape, data } = (await readTensors(join(golden, set, path, 'init/adapter_model.safetensors'))).get(name)!;
    const texts: string[] = [];
    const encode = (text: string) => {
      texts.push(text);
      return ids;
    };
    const config = { num_virtual_tokens: shape[0]!, prompt_tuning_init: 'TEXT', prompt_tuning_init_text: 'Is it?' };
    const tensors = await initialised(join(golden, set, model), config, { encode });
    assert.deepEqual(bytesOf(tensors), bytesOf(new Map([[name, data]])));
    assert.deepEqual(texts, ['Is it?']);
  });
}

test('TEXT cuts a text that is too long', async () => {
  const text = { prompt_tuning_init: 'TEXT', prompt_tuning_init_text: 'a' };
  const encode = () => [5, 6, 7, 8];
  const long = await initialised(tinyModels.gpt2, { ...text, num_virtual_tokens: 2 }, { encode });
  const exact = await initialised(tinyModels.gpt2, { ...text, num_virtual_tokens: 2 }, { encode: () => [5, 6] });
  assert.deepEqual(long, exact);
});

test("a prompt's config has all that PEFT's own has, and with TEXT the tokenizer that PEFT insists on", async () => {
  const model = await openModel(tinyModels.gpt2);
  const peft = readCase<JsonObject>(join(golden, 'peft021/train/prompt-gpt2-sample/final/adapter_config.json'));
  const given = { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 7 };
  const { config } = configureMethod(given, model);
  const { peft_version: _, ...keys } = peft;
  assert.deepEqual(config, { ...keys, base_model_name_or_path: model.dir });
  const text = { prompt_tuning_init: 'TEXT', prompt_tuning_init_text: 'Is it?' };
  const withText = configureMethod({ ...given, ...text }, model).config;
  assert.deepEqual(withText, { ...config, ...text, tokenizer_name_or_path: model.dir });
});

test('TEXT needs a text and a tokenizer', async () => {
  const init = { prompt_tuning_init: 'TEXT' };
  await assert.rejects(initialised(tinyModels.gpt2, init), refused(/prompt_tuning_init is TEXT, but .* no tokenizer/));
  await assert.rejects(
    initialised(tinyModels.gpt2, init, { encode: () => [] }),
    refused(/prompt_tuning_init_text is empty/),
  );
});

test('SAMPLE_VOCAB, the default, draws rows of the embedding table', async () => {
  const model = await openModel(tinyModels.llama);
  const table = await readFloat32(model.weights.tensors.get('model.embed_tokens.weight')!);
  const { hidden } = model.architecture.sizes;
  const rowOf = (data: Float32Array, row: number) => data.subarray(row * hidden, (row + 1) * hidden).join();
  const rows = new Set(Array.from({ length: table.length / hidden }, (_, row) => rowOf(table, row)));
  const drawn = (await initialised(tinyModels.llama, {}, { seed: 3 })).get(name)!;
  const found = Array.from({ length: 8 }, (_, row) => rowOf(drawn, row));
  for (const row of found) assert.ok(rows.has(row));
  assert.ok(new Set(found).size > 4, 'the rows differ');
});

test('RANDOM draws standard normal numbers, as torch.nn.Embedding does', async () => {
  const data = (await initialised(tinyModels.gpt2, { prompt_tuning_init: 'RANDOM', num_virtual_tokens: 50 })).get(
    name,
  )!;
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  const variance = data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length;
  const beyondTwo = data.filter((x) => Math.abs(x) > 2).length / data.length;
  // 2000 draws: five standard errors of each.
  assert.ok(Math.abs(mean) < 5 / Math.sqrt(data.length));
  assert.ok(Math.abs(variance - 1) < 5 * Math.sqrt(2 / data.length));
  assert.ok(Math.abs(beyondTwo - 0.0455) < 5 * Math.sqrt(0.0455 / data.length));
});

for (const prompt_tuning_init of ['SAMPLE_VOCAB', 'RANDOM']) {
  test(`${prompt_tuning_init} repeats with its seed`, async () => {
    const drawn = (seed: number) => initialised(tinyModels.gpt2, { prompt_tuning_init }, { seed });
    assert.deepEqual(await drawn(1), await drawn(1));
    assert.notDeepEqual(await drawn(1), await drawn(2));
  });
}

test('what a model has no room for, or no name, is refused', async () => {
  const { architecture } = await openModel(tinyModels.gpt2);
  const most = architecture.sizes.maxPositions - 1;
  assert.equal((await initialised(tinyModels.gpt2, { num_virtual_tokens: most })).get(name)!.length, most * 40);
  await assert.rejects(
    initialised(tinyModels.gpt2, { num_virtual_tokens: most + 1 }),
    refused(/num_virtual_tokens is/),
  );
  await assert.rejects(initialised(tinyModels.gpt2, { num_virtual_tokens: 0 }), refused(/num_virtual_tokens is 0/));
  for (const prompt_tuning_init of ['BEST', 'constructor']) {
    await assert.rejects(
      initialised(tinyModels.gpt2, { prompt_tuning_init }),
      refused(/prompt_tuning_init is ".*"; known are SAMPLE_VOCAB, TEXT, RANDOM/),
    );
  }
});
