import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { readAdapterFolder, writeAdapterFolder } from './adapterFolder.ts';
import { readTensorBytes } from './tensorReading.ts';
import { writeSafetensors } from './tensorWriting.ts';

const golden = join(import.meta.dirname, '../../test/golden/adapters');
const verdicts: Record<string, { folder: string; verdict: 'accept' | 'reject' }> = JSON.parse(
  readFileSync(join(golden, 'verdicts.json'), 'utf8'),
).folders;

/** What PEFT refuses because of the files alone; all its other refusals need the method or the model. */
const refusedFiles: Readonly<Record<string, RegExp>> = {
  'lora-missing-peft_type': /no peft_type/,
  'lora-no-weights': /has no adapter_model\.safetensors/,
  'lora-no-config': /no adapter_config\.json/,
  'lora-config-not-json': /line 1, column 22: not valid JSON/,
  'lora-config-trailing-comma': /line 1, column 996: not valid JSON/,
};

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'adapter-'));
});
after(() => rm(dir, { recursive: true }));

const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(SoftpromptError.is(error), String(error));
  assert.match(error.message, pattern);
  return true;
};

for (const [name, { verdict }] of Object.entries(verdicts)) {
  const problem = refusedFiles[name];
  if (problem !== undefined) {
    test(`refuses, as PEFT does: ${name}`, async () => {
      assert.equal(verdict, 'reject');
      await assert.rejects(readAdapterFolder(join(golden, name)), refused(problem));
    });
    continue;
  }
  test(`reads and writes back: ${name}`, async () => {
    const adapter = await readAdapterFolder(join(golden, name));
    const tensors = await Promise.all(
      [...adapter.tensors.values()].map(async (info) => ({ ...info, data: await readTensorBytes(info) })),
    );
    const copy = join(dir, name);
    await writeAdapterFolder(copy, adapter.config, tensors);
    const again = await readAdapterFolder(copy);
    assert.deepEqual(again.config, adapter.config);
    const weights = 'adapter_model.safetensors';
    assert.ok((await readFile(join(copy, weights))).equals(await readFile(join(adapter.dir, weights))));
  });
}

test('keeps keys it does not know, where PEFT only warns of them', async () => {
  const { config } = await readAdapterFolder(join(golden, 'lora-unknown-keys'));
  assert.ok('future_option' in config && 'another_new_flag' in config);
});

test('takes the one adapter in a sub-folder, and asks which of several', async () => {
  const parent = join(dir, 'parent');
  const one = { name: 'prompt_embeddings', dtype: 'F32', shape: [1, 1], data: Float32Array.of(1) } as const;
  await mkdir(join(parent, 'empty'), { recursive: true });
  await assert.rejects(readAdapterFolder(parent), refused(/is no adapter folder/));
  await writeAdapterFolder(join(parent, 'a'), { peft_type: 'PROMPT_TUNING' }, [one]);
  assert.equal((await readAdapterFolder(parent)).dir, join(parent, 'a'));
  await writeAdapterFolder(join(parent, 'b'), { peft_type: 'PROMPT_TUNING' }, [one]);
  await assert.rejects(readAdapterFolder(parent), refused(/several adapters.*parent.a, .*parent.b/));
});

test('tells an AdapterHub folder from a PEFT one', async () => {
  const hub = join(dir, 'hub');
  await writeSafetensors(join(hub, 'adapter.safetensors'), []);
  await writeFile(join(hub, 'adapter_config.json'), '{"config": {"mh_adapter": true}, "version": "adapters.1.2.0"}');
  assert.equal((await readAdapterFolder(hub)).format, 'adapterhub');
  assert.equal((await readAdapterFolder(join(golden, 'lora-reference'))).format, 'peft');
});

test('never opens a pickle', async () => {
  const pickle = join(dir, 'pickle');
  await mkdir(pickle);
  await writeFile(join(pickle, 'adapter_config.json'), '{"peft_type": "LORA"}');
  await writeFile(join(pickle, 'adapter_model.bin'), '');
  await assert.rejects(readAdapterFolder(pickle), refused(/adapter_model\.bin, a pickle file/));
});

test('is no adapter, rather than half of one, when writing fails', async () => {
  const broken = join(dir, 'broken');
  await writeAdapterFolder(broken, { peft_type: 'LORA' }, []);
  const wrong = { name: 'a', dtype: 'F32', shape: [2], data: Float32Array.of(1) } as const;
  await assert.rejects(writeAdapterFolder(broken, { peft_type: 'LORA', r: 8 }, [wrong]));
  assert.ok(!existsSync(join(broken, 'adapter_config.json')));
});
