import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { readFloat32 } from './tensorReading.ts';
import { writeSafetensors } from './tensorWriting.ts';
import { openWeights } from './weights.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weights-'));
});
afterEach(() => rm(dir, { recursive: true }));

const one = (name: string, value: number) =>
  ({ name, dtype: 'F32', shape: [1], data: Float32Array.of(value) }) as const;
const writeIndex = (weightMap: unknown) =>
  writeFile(join(dir, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }));
const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(SoftpromptError.is(error), String(error));
  assert.match(error.message, pattern);
  return true;
};

test('opens a single file', async () => {
  await writeSafetensors(join(dir, 'model.safetensors'), [one('a', 1)]);
  const { tensors, files } = await openWeights(dir);
  assert.deepEqual([...tensors.keys()], ['a']);
  assert.deepEqual(files, [join(dir, 'model.safetensors')]);
});

test('opens shards by their index, taking each tensor from the shard the index names', async () => {
  await writeSafetensors(join(dir, 'x-1.safetensors'), [one('a', 1), one('b', 2)]);
  await writeSafetensors(join(dir, 'x-2.safetensors'), [one('b', 3), one('unlisted', 4)]);
  await writeIndex({ b: 'x-2.safetensors', a: 'x-1.safetensors' });
  const { tensors, files } = await openWeights(dir);
  assert.deepEqual([...tensors.keys()].sort(), ['a', 'b']);
  assert.deepEqual([...(await readFloat32(tensors.get('b')!))], [3]);
  assert.equal(files.length, 2);
});

test('names shards that are missing, and tensors that are not where the index says', async () => {
  await writeSafetensors(join(dir, 'x-1.safetensors'), [one('a', 1)]);
  await writeIndex({ a: 'x-1.safetensors', b: 'x-2.safetensors', c: 'x-3.safetensors' });
  await assert.rejects(openWeights(dir), refused(/lacks 2 of its 3 .*x-2\.safetensors, x-3\.safetensors/));
  await writeIndex({ a: 'x-1.safetensors', b: 'x-1.safetensors' });
  await assert.rejects(openWeights(dir), refused(/tensor "b" is listed .*x-1\.safetensors but is not in that file/));
});

test('never follows an index out of the folder', async () => {
  for (const shard of ['../x.safetensors', '/etc/passwd', 'a/b.safetensors', 'a\\b.safetensors', '', 7, null]) {
    await writeIndex({ a: shard });
    await assert.rejects(openWeights(dir), refused(/weight_map\["a"\] is not the name of a file/));
  }
  for (const map of [undefined, [], 'x']) {
    await writeIndex(map);
    await assert.rejects(openWeights(dir), refused(/weight_map is missing or not an object/));
  }
});

test('refuses pickles, adapters and folders without weights, each by its name', async () => {
  await assert.rejects(openWeights(dir), refused(/has no weights/));
  await writeFile(join(dir, 'pytorch_model.bin'), '');
  await assert.rejects(openWeights(dir), refused(/pytorch_model\.bin, a pickle file/));
  await writeFile(join(dir, 'adapter_config.json'), '{}');
  await assert.rejects(openWeights(dir), refused(/is an adapter, not a model/));
  await assert.rejects(openWeights(join(dir, 'nowhere')), refused(/no such file/));
});
