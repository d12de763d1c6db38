import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { readSafetensorsHeader } from './safetensors.ts';
import { elementCount, readFloat32, readFloat32Rows, readTensorBytes } from './tensorReading.ts';
import { type TensorData, writeSafetensors } from './tensorWriting.ts';

const adapters = join(import.meta.dirname, '../../test/golden/adapters');
const weights = (name: string) => join(adapters, name, 'adapter_model.safetensors');
let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tensors-'));
});
after(() => rm(dir, { recursive: true }));

test('writes the bytes PEFT writes, narrowed or widened as PyTorch does', async () => {
  const reference = await readSafetensorsHeader(weights('lora-reference'));
  for (const [name, dtype] of [
    ['lora-reference', 'F32'],
    ['lora-bf16', 'BF16'],
    ['lora-f16', 'F16'],
    ['lora-f64', 'F64'],
  ] as const) {
    const tensors: TensorData[] = [];
    for (const info of reference.tensors.values()) {
      tensors.unshift({ name: info.name, dtype, shape: info.shape, data: await readFloat32(info) });
    }
    const file = join(dir, `${name}.safetensors`);
    await writeSafetensors(file, tensors, { format: 'pt' });
    assert.ok((await readFile(file)).equals(await readFile(weights(name))), name);
  }
});

test('reads the same values from F16, BF16 and F64 files as PyTorch put there', async () => {
  const reference = await readSafetensorsHeader(weights('lora-reference'));
  const wide = await readSafetensorsHeader(weights('lora-f64'));
  const half = await readSafetensorsHeader(weights('lora-f16'));
  for (const info of reference.tensors.values()) {
    const values = await readFloat32(info);
    assert.equal(values.length, elementCount(info));
    assert.deepEqual(await readFloat32(wide.tensors.get(info.name)!), values);
    const rounded = await readFloat32(half.tensors.get(info.name)!);
    for (const [i, value] of values.entries()) assert.ok(Math.abs(value - rounded[i]!) <= Math.abs(value) * 2 ** -11);
  }
});

test('orders tensors by type, then by the bytes of their names, and keeps raw bytes', async () => {
  const file = join(dir, 'order.safetensors');
  const names = ['z', '\u{1f600}', '\uffee', 'a'];
  await writeSafetensors(file, [
    { name: 'bytes', dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
    ...names.map((name) => ({ name, dtype: 'F32', shape: [], data: Float32Array.of(1) }) as const),
    { name: 'ids', dtype: 'I64', shape: [1], data: Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0) },
    { name: 'empty', dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
  ]);
  const { tensors, metadata } = await readSafetensorsHeader(file);
  // UTF-8 puts U+FFEE before U+1F600, UTF-16 the other way round.
  assert.deepEqual([...tensors.keys()], ['ids', 'a', 'empty', 'z', '\uffee', '\u{1f600}', 'bytes']);
  assert.equal(metadata.size, 0);
  assert.deepEqual([...(await readTensorBytes(tensors.get('bytes')!))], [1, 2, 3]);
  assert.deepEqual([...(await readTensorBytes(tensors.get('bytes')!, 1, 2))], [2]);
});

test('refuses data that does not fit its shape, and leaves no file', async () => {
  const tensor = { name: 'a', dtype: 'F32', shape: [3], data: Float32Array.of(1, 2) } as const;
  for (const tensors of [
    [tensor],
    [
      { ...tensor, shape: [2] },
      { ...tensor, shape: [2] },
    ],
  ]) {
    const file = join(dir, 'wrong.safetensors');
    await assert.rejects(writeSafetensors(file, tensors), (error) => SoftpromptError.is(error, 'internal'));
  }
  assert.ok((await readdir(dir)).every((name) => !name.startsWith('wrong')));
});

test('reads the rows asked for, in that order', async () => {
  const file = join(dir, 'rows.safetensors');
  const data = Float32Array.from({ length: 12 }, (_, i) => i);
  await writeSafetensors(file, [{ name: 'table', dtype: 'BF16', shape: [4, 3], data }]);
  const table = (await readSafetensorsHeader(file)).tensors.get('table')!;
  assert.deepEqual([...(await readFloat32Rows(table, [3, 0, 3]))], [9, 10, 11, 0, 1, 2, 9, 10, 11]);
  for (const row of [4, -1, 0.5]) {
    await assert.rejects(readFloat32Rows(table, [row]), (error) => SoftpromptError.is(error, 'tensor-unusable'));
  }
});

test('says that a file was cut after its header was read', async () => {
  const file = join(dir, 'cut.safetensors');
  const tensor = { name: 'a', dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } as const;
  await writeSafetensors(file, [tensor]);
  const info = (await readSafetensorsHeader(file)).tensors.get('a')!;
  await writeSafetensors(file, []);
  await assert.rejects(readFloat32(info), (error) => SoftpromptError.is(error, 'tensor-unusable'));
});
