import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readAdapterFolder } from '../../src/checkpoint/adapterFolder.ts';
import { readSafetensorsHeader } from '../../src/checkpoint/safetensors.ts';
import { openWeights } from '../../src/checkpoint/weights.ts';
import { SoftpromptError } from '../../src/foundation/errors.ts';

const adapter = join(import.meta.dirname, '../golden/adapters/prompt-reference');
let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hostile-checkpoint-'));
});
after(() => rm(dir, { recursive: true }));

const refused = (error: unknown) => {
  assert.ok(SoftpromptError.is(error, 'safetensors-invalid'), String(error));
  return true;
};

test('a safetensors file cut off anywhere is refused', async () => {
  const whole = await readFile(join(adapter, 'adapter_model.safetensors'));
  const file = join(dir, 'cut.safetensors');
  for (let length = 0; length < whole.length; length += 7) {
    await writeFile(file, whole.subarray(0, length));
    await assert.rejects(readSafetensorsHeader(file), refused);
  }
});

test('a safetensors header with any byte changed is read or refused, never anything else', async () => {
  const whole = await readFile(join(adapter, 'adapter_model.safetensors'));
  const file = join(dir, 'changed.safetensors');
  const end = 8 + Number(whole.readBigUInt64LE());
  for (let i = 0; i < end; i++) {
    for (const change of [0x01, 0x10, 0x80]) {
      const changed = Buffer.from(whole);
      changed[i] = (changed[i] as number) ^ change;
      await writeFile(file, changed);
      await readSafetensorsHeader(file).then(
        // What is still read lies inside the file and covers it.
        ({ tensors }) => {
          const bytes = [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes, 0);
          assert.ok([...tensors.values()].every((tensor) => tensor.offset + tensor.bytes <= whole.length));
          assert.ok(bytes <= whole.length - 8);
        },
        refused,
      );
    }
  }
});

test('a header of the largest size allowed, full of nothing, is refused', async () => {
  const file = join(dir, 'large.safetensors');
  const handle = await open(file, 'w');
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(100_000_000n);
  await handle.write(prefix);
  await handle.truncate(100_000_008);
  await handle.close();
  await assert.rejects(readSafetensorsHeader(file), refused);
  await rm(file);
});

test('hostile adapter_config.json files are refused with the place', async () => {
  await writeFile(join(dir, 'adapter_model.safetensors'), '');
  for (const [content, problem] of [
    ['', /line 1, column 1: not valid JSON: the text ends too early/],
    ['{"a":'.repeat(100_000), /levels of nesting/],
    [Buffer.from('{"peft_type":"\xff"}', 'latin1'), /not UTF-8/],
    ['{"peft_type":"LORA"', /the text ends too early/],
    ['{"peft_type":"LORA"} x', /something follows/],
    ['"peft_type"', /not an object/],
    ['{"__proto__":{"peft_type":"LORA"}}', /no peft_type/],
    ['{"peft_type":["LORA"]}', /no peft_type/],
  ] as const) {
    await writeFile(join(dir, 'adapter_config.json'), content);
    await assert.rejects(readAdapterFolder(dir), (error) => {
      assert.ok(SoftpromptError.is(error), String(error));
      assert.match(error.message, problem);
      return true;
    });
  }
});

test('hostile index files are refused', async () => {
  await writeFile(join(dir, 'config.json'), '{}');
  for (const content of ['{"weight_map":{"__proto__":"x.safetensors"}}', '{"weight_map":{"a":"../../x"}}', '{', '[]']) {
    await writeFile(join(dir, 'model.safetensors.index.json'), content);
    await assert.rejects(openWeights(dir), (error) => SoftpromptError.is(error));
  }
});
