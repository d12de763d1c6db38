import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { readAudit } from './audit.ts';
import {
  deleteAdapter,
  exportAdapter,
  labelOf,
  listAdapters,
  nextVersion,
  readCard,
  resolveAdapter,
  saveAdapterVersion,
  updateCard,
} from './library.ts';
import type { AdapterCard } from './records.ts';

const env = { now: () => new Date('2026-11-23T01:45:00Z'), user: 'ada' };

const card: Omit<AdapterCard, 'version'> = {
  name: 'commit-kind',
  created: '2026-11-23T01:45:00.000Z',
  base: { model: 'm', fingerprint: 'f' },
  data: { file: 't.jsonl', sha256: 's' },
  experiment: {},
  run: 'r',
  seed: 42,
  trainable_parameters: 12,
  best_step: 3,
  validation_loss: null,
  metrics: {},
  parent: null,
};

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'softprompt-'));
}

/** A finished adapter folder as the engine leaves it. */
function adapterFolder(store: string): string {
  mkdirSync(store, { recursive: true });
  const from = mkdtempSync(join(store, 'from-'));
  writeFileSync(join(from, 'adapter_config.json'), '{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 6}');
  writeFileSync(join(from, 'adapter_model.safetensors'), Buffer.alloc(100));
  return from;
}

test('a saved adapter appears whole, as the next version, with its card', async () => {
  const store = join(temporary(), '.softprompt');
  assert.equal(nextVersion(store, 'commit-kind'), 1);
  const from = adapterFolder(store);
  const first = await saveAdapterVersion(store, from, card);
  const second = await saveAdapterVersion(store, adapterFolder(store), card);
  assert.equal(first.dir, join(store, 'adapters/commit-kind/1'));
  assert.equal(second.version, 2);
  assert.equal(existsSync(from), false);
  assert.deepEqual(await readCard(second.dir), { ...card, version: 2 });
  assert.deepEqual(
    (await listAdapters(store)).map(({ name, version, peftType, virtualTokens, bytes }) => ({
      name,
      version,
      peftType,
      virtualTokens,
      bytes,
    })),
    [2, 1].map((version) => ({
      name: 'commit-kind',
      version,
      peftType: 'PROMPT_TUNING',
      virtualTokens: 6,
      bytes: 100,
    })),
  );
});

test('savers at the same time get different versions', async () => {
  const store = join(temporary(), '.softprompt');
  const saved = await Promise.all(
    Array.from({ length: 5 }, () => saveAdapterVersion(store, adapterFolder(store), card)),
  );
  assert.deepEqual(saved.map(({ version }) => version).sort(), [1, 2, 3, 4, 5]);
  for (const { dir, version } of saved) assert.equal((await readCard(dir))?.version, version);
});

test('an exported adapter has PEFT files and a card, and leaves no temporary file', async () => {
  const store = temporary();
  const to = join(temporary(), 'deep/out');
  await exportAdapter(adapterFolder(store), to, { ...card, version: 1 });
  assert.deepEqual(readdirSync(to).sort(), ['adapter_config.json', 'adapter_model.safetensors', 'card.json']);
  assert.equal(readFileSync(join(to, 'adapter_model.safetensors')).length, 100);
});

test('a broken adapter is listed without its method, not hidden and not thrown', async () => {
  const store = temporary();
  const { dir } = await saveAdapterVersion(store, adapterFolder(store), card);
  writeFileSync(join(dir, 'adapter_config.json'), '{');
  writeFileSync(join(dir, 'card.json'), '{');
  const [entry] = await listAdapters(store);
  assert.equal(entry?.peftType, null);
  assert.match(entry!.readOnly!, /adapter_config\.json cannot be read/);
  assert.equal(entry?.card, null);
});

test("a folder of AdapterHub's is listed as BOTTLENECK", async () => {
  const store = temporary();
  const { dir } = await saveAdapterVersion(store, adapterFolder(store), card);
  writeFileSync(join(dir, 'adapter_config.json'), JSON.stringify({ config: { mh_adapter: true }, version: '0.2.2' }));
  const [entry] = await listAdapters(store);
  assert.equal(entry?.peftType, 'BOTTLENECK');
  assert.equal(entry?.readOnly, null);
  assert.equal(entry?.virtualTokens, null);
});

test('an adapter of a method that is not known here is listed, to be looked at', async () => {
  const store = temporary();
  const dir = join(store, 'adapters/odd/1');
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'adapter_config.json'), '{"peft_type": "OFT"}');
  symlinkSync(join(dir, 'nowhere'), join(dir, 'adapter_model.safetensors'));
  assert.match((await listAdapters(store))[0]!.readOnly!, /holds no tensors/);
  writeFileSync(join(dir, 'other.safetensors'), 'x');
  const [entry] = await listAdapters(store);
  assert.equal(entry?.peftType, 'OFT');
  assert.equal(entry?.readOnly, 'OFT is a method that Softprompt does not know: the folder is left as it is.');
});

test('a name means its newest version, a folder means itself', async () => {
  const store = temporary();
  await saveAdapterVersion(store, adapterFolder(store), card);
  const second = await saveAdapterVersion(store, adapterFolder(store), card);
  assert.deepEqual(resolveAdapter(store, 'commit-kind', '/'), { label: 'commit-kind 2', dir: second.dir });
  assert.equal(resolveAdapter(store, 'commit-kind@1', '/').label, 'commit-kind 1');
  assert.equal(resolveAdapter(store, second.dir, '/').label, 'commit-kind 2');
  const elsewhere = temporary();
  mkdirSync(join(elsewhere, 'mine'));
  assert.deepEqual(resolveAdapter(store, 'mine', elsewhere), { label: 'mine', dir: join(elsewhere, 'mine') });
  assert.equal(labelOf(store, join(elsewhere, 'mine')), 'mine');
  for (const unknown of ['commit-kind@3', 'other', '../other', 'commit-kind@x']) {
    assert.throws(
      () => resolveAdapter(store, unknown, elsewhere),
      (error) => SoftpromptError.is(error, 'adapter-unknown') && error.message.includes('commit-kind'),
    );
  }
});

test('deleting removes the version, keeps the others and says who did it', async () => {
  const store = temporary();
  await saveAdapterVersion(store, adapterFolder(store), card);
  await saveAdapterVersion(store, adapterFolder(store), card);
  await deleteAdapter(store, 'commit-kind', 1, env);
  assert.deepEqual(
    (await listAdapters(store)).map(({ version }) => version),
    [2],
  );
  assert.equal(nextVersion(store, 'commit-kind'), 3);
  assert.deepEqual(await readAudit(store), [
    { time: '2026-11-23T01:45:00.000Z', user: 'ada', action: 'deleted', adapter: 'commit-kind@1' },
  ]);
  await assert.rejects(deleteAdapter(store, 'commit-kind', 1, env), (e) => SoftpromptError.is(e, 'adapter-unknown'));
});

test('a card can be brought up to date; an adapter from elsewhere has none and gets none', async () => {
  const store = temporary();
  const { dir } = await saveAdapterVersion(store, adapterFolder(store), card);
  await updateCard(dir, { metrics: { accuracy: 0.9 } });
  assert.deepEqual(await readCard(dir), { ...card, version: 1, metrics: { accuracy: 0.9 } });
  const foreign = adapterFolder(store);
  await updateCard(foreign, { metrics: { accuracy: 0.9 } });
  assert.equal(existsSync(join(foreign, 'card.json')), false);
});
