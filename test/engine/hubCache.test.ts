import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { tinyModels } from '../golden/reference.ts';
import { drawnRows } from './drawn.ts';
import { scoresOf } from './scores.ts';

const dir = await mkdtemp(join(tmpdir(), 'hub-cache-'));
after(() => rm(dir, { recursive: true }));

/** A model's files as the Hub's cache keeps them: content under other names in `blobs`, links to it in `snapshots`. */
async function cached(source: string): Promise<string> {
  const [blobs, snapshot] = [join(dir, 'blobs'), join(dir, 'snapshots/0123abcd')];
  await mkdir(blobs, { recursive: true });
  await mkdir(snapshot, { recursive: true });
  for (const [i, name] of (await readdir(source)).entries()) {
    await copyFile(join(source, name), join(blobs, `b10b${i}`));
    await symlink(`../../blobs/b10b${i}`, join(snapshot, name));
  }
  return snapshot;
}

test("a sharded model runs from the Hub's cache, whose files are links", async () => {
  const scores = async (folder: string) => {
    const language = await LanguageModel.open(folder, 'cpu');
    after(() => language.close());
    return scoresOf(await language.attach(null), drawnRows(language.model, 3));
  };
  assert.deepEqual(await scores(await cached(tinyModels.sharded)), await scores(tinyModels.sharded));
});
