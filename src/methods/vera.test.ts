import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { drawnAdapter } from '../../test/engine/drawn.ts';
import { bytesOf } from '../../test/engine/training.ts';
import { readCase, readTensors, tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { openModel } from '../models/model.ts';
import { readAdapter, writeAdapter } from './adapter.ts';
import { configureMethod } from './table.ts';

const golden = join(import.meta.dirname, '../../test/golden/peft021/train');
const [gpt2, llama] = [await openModel(tinyModels.gpt2), await openModel(tinyModels.llama)];
const shared = ['base_model.vera_A', 'base_model.vera_B'];

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vera-'));
});
after(() => rm(dir, { recursive: true }));

for (const [name, model] of [
  ['vera-gpt2', gpt2],
  ['vera-llama3', llama],
] as const) {
  test(`${name}: its config and its first tensors are PEFT's own, the random matrices to the bit`, async () => {
    const { peft_version: _, ...keys } = readCase<JsonObject>(join(golden, name, 'init/adapter_config.json'));
    const { r, projection_prng_key } = keys;
    const { method, tensors } = await drawnAdapter(model, 1, {
      peft_type: 'VERA',
      r: r!,
      projection_prng_key: projection_prng_key!,
    });
    const sorted = (config: JsonObject) => ({
      ...config,
      target_modules: [...(config.target_modules as string[])].sort(),
    });
    assert.deepEqual(sorted(method.config), sorted({ ...keys, base_model_name_or_path: model.dir }));
    const peft = await readTensors(join(golden, name, 'init', 'adapter_model.safetensors'));
    assert.deepEqual(bytesOf(tensors), bytesOf(new Map([...tensors.keys()].map((key) => [key, peft.get(key)!.data]))));
  });
}

test('the random matrices are as large as the largest layer asks for', () => {
  const { trainables } = configureMethod({ peft_type: 'VERA', target_modules: 'all-linear' }, llama);
  const dims = (name: string) => trainables.find((spec) => spec.name === name)!.dims;
  const [hidden] = llama.weights.tensors.get('model.norm.weight')!.shape;
  const [inner] = llama.weights.tensors.get('model.layers.0.mlp.gate_proj.weight')!.shape;
  assert.deepEqual(shared.map(dims), [
    [256, Math.max(hidden!, inner!)],
    [Math.max(hidden!, inner!), 256],
  ]);
  assert.equal(trainables.filter(({ frozen }) => frozen).length, 2);
});

test('without save_projection the file has no random matrices, and they are drawn again', async () => {
  const config = { peft_type: 'VERA', r: 4, projection_prng_key: 5, init_weights: false };
  const kept = await drawnAdapter(llama, 1, config);
  const left = await drawnAdapter(llama, 1, { ...config, save_projection: false });
  await writeAdapter(dir, left);
  const names = [...(await readTensors(join(dir, 'adapter_model.safetensors'))).keys()];
  assert.deepEqual(names.toSorted(), [...kept.tensors.keys()].filter((name) => !shared.includes(name)).toSorted());
  assert.deepEqual(bytesOf((await readAdapter(dir, llama)).tensors), bytesOf(left.tensors));
  const again = new Map([...left.tensors].filter(([name]) => shared.includes(name)));
  for (const [name, data] of again) assert.deepEqual(data, kept.tensors.get(name));
});

test('what PEFT would not store is refused', () => {
  assert.throws(
    () => configureMethod({ peft_type: 'VERA', bias: 'vera_only' }, gpt2),
    /bias is "vera_only", but PEFT keeps no biases/,
  );
  assert.throws(() => configureMethod({ peft_type: 'VERA', r: 0 }, gpt2), /r is 0/);
});
