import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { generate } from '../../src/inference/generate.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { argmax } from '../../src/inference/sampling.ts';
import { joined, largestError, tinyModels } from '../golden/reference.ts';
import { drawnPrompt, drawnRows } from './drawn.ts';
import { scoresOf } from './scores.ts';

const dir = await mkdtemp(join(tmpdir(), 'windows-'));
after(() => rm(dir, { recursive: true }));

/** The qwen3 model, of whose layers some slide. */
async function sliding(name: string, keys: JsonObject): Promise<LanguageModel> {
  const source = tinyModels.qwen3;
  const { layer_types: _, ...config } = JSON.parse(await readFile(join(source, 'config.json'), 'utf8'));
  const folder = await mkdtemp(join(dir, name));
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, use_sliding_window: true, ...keys }));
  await copyFile(join(source, 'model.safetensors'), join(folder, 'model.safetensors'));
  const language = await LanguageModel.open(folder, 'cpu');
  after(() => language.close());
  return language;
}

const full = await LanguageModel.open(tinyModels.qwen3, 'cpu');
after(() => full.close());
const mixed = await sliding('mixed', { sliding_window: 3, max_window_layers: 1 });
const wide = await sliding('wide', { sliding_window: 64, max_window_layers: 0 });

/** Larger than float32's error, far below what a key more or less does. */
const tolerance = 1e-5;
const greedy = { maxNewTokens: 12, stopIds: [], sampling: null, signal: new AbortController().signal };

describe('sliding windows in some layers', async () => {
  const rows = drawnRows(full.model, 12);
  const attachments = { base: null, prompt: await drawnPrompt(full.model, 3) };

  for (const [name, adapter] of Object.entries(attachments)) {
    test(`${name}: a window wider than the row changes nothing, a narrow one does`, async () => {
      const scores = async (language: LanguageModel) => joined(await scoresOf(await language.attach(adapter), rows));
      const expected = await scores(full);
      assert.ok(largestError(await scores(wide), expected) <= tolerance);
      assert.ok(largestError(await scores(mixed), expected) > 0.1);
    });

    test(`${name}: a row scores the same alone and in any batch`, async () => {
      const attached = await mixed.attach(adapter);
      const together = await scoresOf(attached, rows);
      for (const [r, row] of rows.entries()) {
        const [alone] = await scoresOf(attached, [row]);
        assert.ok(largestError(together[r]!, alone!) <= tolerance, `row ${r}`);
      }
    });

    test(`${name}: decoding rows of several lengths with the cache is decoding each by full passes`, async () => {
      const attached = await mixed.attach(adapter);
      const prompts = rows.slice(0, 4).map((row) => row.inputIds);
      const tokens = await generate(attached, prompts, greedy);
      for (const [r, prompt] of prompts.entries()) {
        const [logits] = await (await attached.decode(1)).advance([[...prompt, ...tokens[r]!]], true);
        assert.deepEqual(tokens[r], logits!.slice(prompt.length - 1, -1).map(argmax));
      }
    });
  }
});
