import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { fingerprintModel, sha256File } from './fingerprint.ts';
import { type TensorData, writeSafetensors } from './tensorWriting.ts';

test('hashes a file as sha256sum does', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'hash-'));
  t.after(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'abc'), 'abc');
  // FIPS 180-2, appendix B.1.
  const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  assert.equal(await sha256File(join(dir, 'abc')), digest);
  await assert.rejects(sha256File(join(dir, 'none')), (error) => SoftpromptError.is(error, 'file-missing'));
});

/** Large enough that only samples are hashed. */
const large = 17 * 1024 * 1024;

for (const elements of [8, large]) {
  test(`tells models of ${elements} elements apart by config, names, types, shapes and values`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'fingerprint-'));
    t.after(() => rm(dir, { recursive: true }));
    const of = async (tensor: Partial<TensorData> = {}, config = '{}') => {
      const base = { name: 'a', dtype: 'F32', shape: [elements], data: new Float32Array(elements) } as const;
      await writeSafetensors(join(dir, 'model.safetensors'), [{ ...base, ...tensor }]);
      await writeFile(join(dir, 'config.json'), config);
      return fingerprintModel(dir);
    };
    const changed = (at: number) => new Float32Array(elements).fill(1, at, at + 1);
    const prints = [
      await of(),
      await of({}, '{"a":1}'),
      await of({ name: 'b' }),
      await of({ shape: [2, elements / 2] }),
      await of({ data: changed(0) }),
      await of({ data: changed(elements / 2) }),
      await of({ data: changed(elements - 1) }),
    ];
    assert.equal(new Set(prints).size, prints.length);
    assert.equal(await of(), prints[0]);
  });
}

test('does not depend on how the tensors are spread over files', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'fingerprint-'));
  t.after(() => rm(dir, { recursive: true }));
  const one = (name: string) => ({ name, dtype: 'F32', shape: [1], data: Float32Array.of(name.length) }) as const;
  await writeFile(join(dir, 'config.json'), '{}');
  await writeSafetensors(join(dir, 'model.safetensors'), [one('a'), one('bb')]);
  const whole = await fingerprintModel(dir);
  await rm(join(dir, 'model.safetensors'));
  await writeSafetensors(join(dir, '1.safetensors'), [one('bb')]);
  await writeSafetensors(join(dir, '2.safetensors'), [one('a')]);
  const index = { weight_map: { bb: '1.safetensors', a: '2.safetensors' } };
  await writeFile(join(dir, 'model.safetensors.index.json'), JSON.stringify(index));
  assert.equal(await fingerprintModel(dir), whole);
});
