import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import type { Adapter } from '../../src/methods/adapter.ts';
import { tinyModels } from '../golden/reference.ts';
import { drawnAdapter, drawnPrompt, drawnRows, layerMethods } from './drawn.ts';
import { scoresOf } from './scores.ts';
import { plainOptions, trained } from './training.ts';

const { gpt2, llama } = tinyModels;

for (const [family, dir] of Object.entries({ gpt2, llama })) {
  describe(family, async () => {
    const language = await LanguageModel.open(dir, 'cpu');
    after(() => language.close());
    const { model } = language;
    const rows = drawnRows(model, 6);
    const prompts = rows.map((row) => row.inputIds);
    const [a, b] = [await drawnPrompt(model, 1), await drawnPrompt(model, 2)];
    const longer = await drawnPrompt(model, 3, { num_virtual_tokens: 9 });
    // The first two of the same structure, in the same session.
    const [low, low2] = [
      await drawnAdapter(model, 4, layerMethods.LORA),
      await drawnAdapter(model, 5, layerMethods.LORA),
    ];
    const scaled = await drawnAdapter(model, 6, layerMethods.IA3);

    /** Scores and next-token logits with an adapter in place. */
    const resultsOf = async (adapter: Adapter | null) => {
      const attached = await language.attach(adapter);
      const decoding = await attached.decode(prompts.length);
      return {
        scores: await scoresOf(attached, rows),
        logits: (await decoding.advance(prompts)).map(([last]) => last!),
      };
    };

    test('swapping from A to B and back gives the same bits, as does going back to the base model', async () => {
      const order = [a, b, low, a, null, longer, low2, a, scaled, low, null, b];
      const results: (readonly [Adapter | null, Awaited<ReturnType<typeof resultsOf>>])[] = [];
      for (const adapter of order) results.push([adapter, await resultsOf(adapter)]);
      for (const [adapter, result] of results) {
        for (const [other, otherResult] of results) {
          if (adapter === other) assert.deepEqual(result, otherResult);
          else assert.notDeepEqual(result.logits, otherResult.logits);
        }
      }
    });

    test('adapters in place at the same time do not touch each other', async () => {
      const alone = await resultsOf(a);
      const [withA, withB] = [await language.attach(a), await language.attach(b)];
      const [decodingA, decodingB] = [await withA.decode(prompts.length), await withB.decode(prompts.length)];
      await decodingB.advance(prompts);
      const logits = (await decodingA.advance(prompts)).map(([last]) => last!);
      assert.deepEqual(logits, alone.logits);
    });

    test('training leaves the base model as it was, on disk and in memory', async () => {
      const hashes = async () =>
        Promise.all(
          (await readdir(dir)).map(async (name) => [
            name,
            createHash('sha256')
              .update(await readFile(join(dir, name)))
              .digest('hex'),
          ]),
        );
      const before = { files: await hashes(), results: await resultsOf(null) };
      const checkpoints = await mkdtemp(join(tmpdir(), 'swap-'));
      const first = new Map([...a.tensors].map(([name, data]) => [name, data.slice()]));
      const options = { ...plainOptions, max_steps: 5 };
      const { outcome } = await trained({ model, method: a.method, initial: a.tensors, rows, options, checkpoints });
      assert.notDeepEqual(outcome.tensors, first);
      assert.deepEqual(a.tensors, first, 'the tensors given to start from');
      await rm(checkpoints, { recursive: true });
      assert.deepEqual({ files: await hashes(), results: await resultsOf(null) }, before);
    });
  });
}
