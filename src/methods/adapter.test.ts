import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { bytesOf } from '../../test/engine/training.ts';
import { tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { writeSafetensors } from '../checkpoint/tensorWriting.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { openModel } from '../models/model.ts';
import { readAdapter, writeAdapter } from './adapter.ts';

const unknownKeys = join(import.meta.dirname, '../../test/golden/adapters/prompt-unknown-keys');
const onEmbedding = join(import.meta.dirname, '../../test/golden/peft021/train/lora-llama3-embed/final');
const [configName, weightsName] = ['adapter_config.json', 'adapter_model.safetensors'];

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'adapter-'));
});
afterEach(() => rm(dir, { recursive: true }));

const refused = (reason: 'adapter-mismatch' | 'config-key' | 'method-unknown', pattern: RegExp) => (error: unknown) => {
  assert.ok(SoftpromptError.is(error, reason), String(error));
  assert.match(error.message, pattern);
  return true;
};

test("PEFT's adapter goes through and comes out the same to the byte, keys that nobody knows included", async () => {
  const model = await openModel(tinyModels.llama);
  const adapter = await readAdapter(unknownKeys, model);
  await writeAdapter(dir, adapter);
  const weights = await readFile(join(dir, weightsName));
  assert.ok(weights.equals(await readFile(join(unknownKeys, weightsName))));
  const config = JSON.parse(await readFile(join(dir, configName), 'utf8'));
  assert.deepEqual(config, JSON.parse(await readFile(join(unknownKeys, configName), 'utf8')));
  assert.equal(config.future, 1);
  const again = await readAdapter(dir, model);
  assert.deepEqual(bytesOf(again.tensors), bytesOf(adapter.tensors));
  assert.equal(adapter.bytes, 6 * 48 * 4);
});

test("the model's table beside PEFT's path on it goes through too; another table is refused, none is not missed", async () => {
  const model = await openModel(tinyModels.llama);
  const adapter = await readAdapter(onEmbedding, model);
  await writeAdapter(dir, adapter);
  assert.ok((await readFile(join(dir, weightsName))).equals(await readFile(join(onEmbedding, weightsName))));
  const tensors = adapter.method.trainables.map(({ name, dims }) => {
    return { name, dtype: 'F32' as const, shape: dims, data: adapter.tensors.get(name)! };
  });
  await writeSafetensors(join(dir, weightsName), tensors, { format: 'pt' });
  assert.deepEqual(bytesOf((await readAdapter(dir, model)).tensors), bytesOf(adapter.tensors));
  const [copy] = adapter.method.copies!;
  const other = {
    name: copy!.name,
    dtype: 'F32' as const,
    shape: copy!.dims,
    data: (await copy!.read(new Map())).map((x) => -x),
  };
  await writeSafetensors(join(dir, weightsName), [...tensors, other], { format: 'pt' });
  await assert.rejects(
    readAdapter(dir, model),
    refused('adapter-mismatch', /tensor .*embed_tokens\.base_layer\.weight is not the one of llama3-a/),
  );
});

test("an adapter of another model's width is refused with both shapes", async () => {
  const model = await openModel(tinyModels.gpt2);
  const config = JSON.parse(await readFile(join(unknownKeys, configName), 'utf8'));
  await cp(unknownKeys, dir, { recursive: true });
  await assert.rejects(
    readAdapter(dir, model),
    refused('config-key', /adapter_config\.json: token_dim is 48; the model's embeddings have 40\./),
  );
  delete config.token_dim;
  await writeFile(join(dir, configName), JSON.stringify(config));
  await assert.rejects(
    readAdapter(dir, model),
    refused('adapter-mismatch', /tensor prompt_embeddings is \[6, 48\]; with gpt2-a it must be \[6, 40\]/),
  );
});

test('an adapter of a method that is not known yet, or of nonsense, is refused by name', async () => {
  const model = await openModel(tinyModels.llama);
  await cp(unknownKeys, dir, { recursive: true });
  const configured = async (config: JsonObject) => {
    await writeFile(join(dir, configName), JSON.stringify(config));
    return readAdapter(dir, model);
  };
  await assert.rejects(
    configured({ peft_type: 'OFT' }),
    refused('method-unknown', /adapter_config\.json: peft_type OFT/),
  );
  await assert.rejects(configured({ peft_type: 'toString' }), refused('method-unknown', /toString/));
  const peft_type = 'PROMPT_TUNING';
  for (const [num_virtual_tokens, pattern] of [
    ['6', /adapter_config\.json: num_virtual_tokens/],
    [6.5, /adapter_config\.json: num_virtual_tokens/],
    [0, /num_virtual_tokens is 0/],
    [-6, /num_virtual_tokens is -6/],
    [1e9, /num_virtual_tokens is 1000000000; the model has \d+ positions/],
  ] as const) {
    await assert.rejects(configured({ peft_type, num_virtual_tokens }), refused('config-key', pattern));
  }
});
