import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCase, readTensors, tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { openModel } from '../models/model.ts';
import { trainingForm } from './promptEncoder.ts';
import { configureMethod } from './table.ts';

const peft = join(import.meta.dirname, '../../test/golden/peft021/train');

for (const [name, dir] of [
  ['ptuning-llama3-mlp', tinyModels.llama],
  ['ptuning-gpt2-lstm', tinyModels.gpt2],
] as const) {
  test(`${name}: config and encoder have the names and shapes of PEFT's, first values the scale of torch's`, async () => {
    const { peft_version: _, ...keys } = readCase<JsonObject>(join(peft, name, 'init/adapter_config.json'));
    const model = await openModel(dir);
    const given = ['peft_type', 'num_virtual_tokens', 'encoder_hidden_size', 'encoder_reparameterization_type'];
    const method = configureMethod(Object.fromEntries(given.map((key) => [key, keys[key]!])), model);
    assert.deepEqual(method.config, { ...keys, base_model_name_or_path: dir });

    const first = await readTensors(join(peft, name, 'init/prompt_encoder.safetensors'));
    const drawn = await method.initialise({ model, random: Random.of(1, 'init'), encode: null });
    assert.deepEqual([...drawn.keys()].sort(), [...first.keys()].sort());
    for (const { name: tensor, dims } of method.encoder!.trainables) {
      assert.deepEqual(first.get(tensor)!.shape, dims);
      const [data, bound] = [drawn.get(tensor)!, 1 / Math.sqrt(fanIn(tensor, drawn, keys))];
      const largest = Math.max(...data.map(Math.abs));
      if (tensor === 'embedding.weight') assert.ok(largest > 2 && largest < 6, `${tensor}: ${largest}`);
      else assert.ok(largest <= bound && largest > 0.5 * bound, `${tensor}: ${largest} of ${bound}`);
    }
  });
}

/** What torch draws a tensor by: an LSTM's hidden size, a linear layer's inputs. */
function fanIn(tensor: string, all: ReadonlyMap<string, Float32Array>, config: JsonObject): number {
  if (tensor.startsWith('lstm_head')) return config.encoder_hidden_size as number;
  const layer = tensor.replace(/\.[a-z]+$/, '');
  return all.get(`${layer}.weight`)!.length / (all.get(`${layer}.bias`)?.length ?? 1);
}

test('an encoder that nobody knows is refused', async () => {
  const model = await openModel(tinyModels.gpt2);
  const config = { peft_type: 'P_TUNING', num_virtual_tokens: 4, encoder_reparameterization_type: 'GRU' };
  assert.throws(
    () => configureMethod(config, model),
    (error) => SoftpromptError.is(error, 'config-key') && /is "GRU"; known are MLP, LSTM/.test(error.message),
  );
});

test('finished prompts of one model share their graphs, however they were trained; encoders have their own', async () => {
  const model = await openModel(tinyModels.gpt2);
  const configs = [
    { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4 },
    { peft_type: 'P_TUNING', num_virtual_tokens: 4 },
    { peft_type: 'P_TUNING', num_virtual_tokens: 5 },
    { peft_type: 'P_TUNING', num_virtual_tokens: 4, encoder_hidden_size: 6 },
    { peft_type: 'P_TUNING', num_virtual_tokens: 4, encoder_reparameterization_type: 'LSTM' },
  ];
  const methods = configs.map((config) => configureMethod(config, model));
  assert.equal(new Set(methods.map(({ structure }) => structure)).size, 1);
  assert.equal(new Set(methods.map((method) => trainingForm(method).structure)).size, configs.length);
});
