import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { readConfig } from './config.ts';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'config-'));
});
after(() => rm(dir, { recursive: true }));

async function config(text: string) {
  await writeFile(join(dir, 'config.json'), text);
  return readConfig(dir);
}

const names =
  (...patterns: RegExp[]) =>
  (error: unknown) => {
    assert.ok(SoftpromptError.is(error), String(error));
    assert.ok(error.message.includes(join(dir, 'config.json')), error.message);
    for (const pattern of patterns) assert.match(error.message, pattern);
    return true;
  };

test('reads values by type, by the first alias that is there, with defaults for what is missing or null', async () => {
  const c = await config(
    '{"n_embd": 64, "eps": 1e-5, "act": "gelu", "tie": true, "heads": null, "limit": [0.0, Infinity]}',
  );
  assert.equal(c.integer(['hidden_size', 'n_embd']), 64);
  assert.equal(c.number('eps'), 1e-5);
  assert.equal(c.string('act'), 'gelu');
  assert.equal(c.boolean('tie', false), true);
  assert.equal(c.integer('heads', 8), 8);
  assert.equal(c.boolean('absent', true), true);
  assert.equal(c.optionalString('absent'), undefined);
  assert.equal(c.raw('heads'), null);
  assert.equal(c.raw('absent'), undefined);
  assert.deepEqual(c.optionalNumbers('limit'), [0, Number.POSITIVE_INFINITY]);
});

test('names file and key when a value is missing or of the wrong type', async () => {
  const c = await config('{"hidden_size": "64", "layers": 2.5, "names": [1], "rope": {"theta": null}}');
  assert.throws(() => c.integer(['hidden_size', 'n_embd']), names(/hidden_size is "64"; a whole number/));
  assert.throws(() => c.integer('layers'), names(/layers is 2.5/));
  assert.throws(() => c.optionalStrings('names'), names(/names is \[1\]/));
  assert.throws(() => c.number(['a', 'b', 'c']), names(/ a is missing; .*also read: b, c/));
  assert.throws(() => c.object('rope').number('theta'), names(/rope\.theta is missing/));
  assert.throws(() => c.object('hidden_size'), names(/hidden_size is "64"; an object is expected/));
});

test('a count is at least 1 and at most what the caller can hold', async () => {
  const c = await config('{"layers": 12, "heads": 0}');
  assert.equal(c.count('layers'), 12);
  assert.equal(c.count('absent', 3), 3);
  assert.throws(() => c.count(['n_head', 'heads']), names(/heads is 0; it must be at least 1/));
  assert.throws(() => c.count('layers', 1, 10), names(/layers is 12; it must be at most 10/));
  assert.throws(() => c.count('absent', 0.5), names(/absent is 0\.5/));
});

test('does not take what every object has for a key', async () => {
  const c = await config('{"__proto__": {"x": 1}}');
  assert.equal(c.optionalObject('constructor'), undefined);
  assert.equal(c.optionalNumber('x'), undefined);
  assert.equal(c.object('__proto__').number('x'), 1);
});

test('says where a config.json is broken, or that it is missing', async () => {
  await assert.rejects(config('{"a": 1,\n "b": }'), names(/line 2, column 7: not valid JSON/));
  await assert.rejects(config('[]'), names(/not an object/));
  await writeFile(join(dir, 'config.json'), Buffer.from('{"a": "\xff"}', 'latin1'));
  await assert.rejects(readConfig(dir), names(/not UTF-8/));
  await rm(join(dir, 'config.json'));
  await assert.rejects(readConfig(dir), names(/no such file/));
  await writeFile(join(dir, 'adapter_config.json'), '{}');
  await assert.rejects(readConfig(dir), /is an adapter, not a model/);
});
