import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { explain } from './errors.ts';
import { fileError, writeFileAtomic, writeObstacle } from './files.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'files-'));
  await writeFile(join(dir, 'file'), 'old');
});
afterEach(() => rm(dir, { recursive: true }));

test('what keeps a folder from being written to is found without making it', async () => {
  assert.equal(await writeObstacle(join(dir, 'a/b/c')), null);
  assert.equal(await writeObstacle(join(dir, 'file')), 'is a file, not a folder');
  assert.equal(await writeObstacle(join(dir, 'file/a/b')), `${join(dir, 'file')} is a file`);
  assert.deepEqual(await readdir(dir), ['file']);
});

test("a write that the system refuses is told as such, by path, and is not the program's own error", async () => {
  const failed = await writeFileAtomic(join(dir, 'file/x/y'), 'text').catch((error: unknown) => error);
  const { what, fault } = explain(failed);
  assert.equal(what, `${join(dir, 'file/x')}: a part of this path is a file, not a folder.`);
  assert.equal(fault, 'work');
  const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'write' });
  assert.equal(explain(full).what, 'A file cannot be written: the disk is full.');
});

test('a failed write leaves the old bytes and nothing else', async () => {
  const chunks = (async function* () {
    yield Buffer.from('new');
    throw new Error('broken');
  })();
  await mkdir(join(dir, 'inner'));
  await writeFile(join(dir, 'inner/file'), 'old');
  await assert.rejects(writeFileAtomic(join(dir, 'inner/file'), chunks), /broken/);
  assert.deepEqual(await readdir(join(dir, 'inner')), ['file']);
});

test('a file in the place of a folder is not called missing', async () => {
  const error = await readdir(join(dir, 'file')).catch((problem: unknown) => problem);
  assert.match(fileError(join(dir, 'file'), error).message, /file: is not a folder/);
});
