import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gguf } from '@huggingface/gguf';
import { type GgufTensor, type GgufValue, writeGguf } from './gguf.ts';

const dir = await mkdtemp(join(tmpdir(), 'gguf-'));
after(() => rm(dir, { recursive: true }));

const tensor = (name: string, shape: readonly number[]): GgufTensor => ({
  name,
  dtype: 'F32',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1),
});

test('a file has the bytes of the format', async () => {
  const file = join(dir, 'bytes.gguf');
  await writeGguf(file, new Map<string, GgufValue>([['k', { type: 'float32', value: 1.5 }]]), [tensor('t', [1, 3])]);
  const expected = [
    Buffer.from('GGUF'),
    Uint8Array.of(3, 0, 0, 0),
    Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    // The key, the type float32, 1.5.
    Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0x6b, 6, 0, 0, 0, 0, 0, 0xc0, 0x3f),
    // The name, two axes of 3 and 1 (fastest first), the type F32, offset 0.
    Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0x74, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  ];
  const header = Buffer.concat(expected);
  const start = Math.ceil(header.length / 32) * 32;
  const data = Buffer.from(Float32Array.of(1, 2, 3).buffer);
  const whole = Buffer.concat([header, Buffer.alloc(start - header.length), data, Buffer.alloc(32 - data.length)]);
  assert.deepEqual(await readFile(file), whole);
});

test("Hugging Face's reader finds every tensor and value, whatever their lengths", async () => {
  const file = join(dir, 'many.gguf');
  const tensors = [1, 7, 8, 9, 16, 31].map((size) => tensor(`blk.${size}.weight`, [2, size]));
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: 'größe' }],
    ['general.file_type', { type: 'uint32', value: 4_000_000_000 }],
    ['adapter.lora.alpha', { type: 'float32', value: 0.25 }],
  ]);
  await writeGguf(file, metadata, tensors);
  const found = await gguf(file, { allowLocalFile: true });
  const read = found.metadata as unknown as Record<string, unknown>;
  for (const [key, { value }] of metadata) assert.equal(read[key], value);
  const bytes = await readFile(file);
  for (const [i, { name, shape, data }] of tensors.entries()) {
    const info = found.tensorInfos[i]!;
    assert.equal(info.name, name);
    assert.deepEqual(info.shape.map(Number), shape.toReversed());
    const at = Number(found.tensorDataOffset) + Number(info.offset);
    assert.deepEqual(new Float32Array(Uint8Array.from(bytes.subarray(at, at + 4 * data.length)).buffer), data);
  }
});

test('names that are taken or too long are refused, and leave no file', async () => {
  const file = join(dir, 'refused/x.gguf');
  await assert.rejects(writeGguf(file, new Map(), [tensor('a', [1]), tensor('a', [1])]), /"a" is there twice/);
  await assert.rejects(writeGguf(file, new Map(), [tensor('a'.repeat(64), [1])]), /too long/);
  assert.ok(!(await readdir(dir)).includes('refused'));
});
