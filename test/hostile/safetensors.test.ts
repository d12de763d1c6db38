import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSafetensorsHeader } from '../../src/checkpoint/safetensors.ts';
import { readTensorBytes } from '../../src/checkpoint/tensorReading.ts';
import { SoftpromptError } from '../../src/foundation/errors.ts';

interface Verdict {
  readonly file: string;
  readonly verdict: 'accept' | 'reject';
  readonly metadata: Record<string, string> | null;
  readonly tensors: Record<string, { dtype: string; shape: number[]; nbytes: number; hex: string }>;
}

const folder = join(import.meta.dirname, '../golden/safetensors');
const verdicts: Record<string, Verdict> = JSON.parse(readFileSync(join(folder, 'verdicts.json'), 'utf8')).files;

for (const [name, verdict] of Object.entries(verdicts)) {
  const file = join(folder, verdict.file);
  if (verdict.verdict === 'reject') {
    test(`refuses what the reference refuses: ${name}`, async () => {
      await assert.rejects(readSafetensorsHeader(file), (error) => {
        assert.ok(SoftpromptError.is(error, 'safetensors-invalid'), String(error));
        assert.match(error.message, new RegExp(`${name}\\.bin`));
        return true;
      });
    });
    continue;
  }
  test(`reads what the reference reads: ${name}`, async () => {
    const header = await readSafetensorsHeader(file);
    assert.deepEqual(Object.fromEntries(header.metadata), verdict.metadata ?? {});
    assert.deepEqual([...header.tensors.keys()].sort(), Object.keys(verdict.tensors).sort());
    for (const info of header.tensors.values()) {
      const expected = Object.entries(verdict.tensors).find(([key]) => key === info.name)?.[1];
      assert.ok(expected !== undefined);
      assert.deepEqual([info.dtype, info.shape, info.bytes], [expected.dtype, expected.shape, expected.nbytes]);
      const bytes = await readTensorBytes(info);
      assert.equal(Buffer.from(bytes.subarray(0, expected.hex.length / 2)).toString('hex'), expected.hex);
    }
  });
}
