import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { Random } from '../../src/foundation/random.ts';
import { generate } from '../../src/inference/generate.ts';
import { type AttachedModel, LanguageModel } from '../../src/inference/languageModel.ts';
import { LossRunner } from '../../src/inference/lossRunner.ts';
import { Reading } from '../../src/inference/reading.ts';
import { argmax } from '../../src/inference/sampling.ts';
import type { TrainedTensors } from '../../src/methods/method.ts';
import { readTokenEmbeddings } from '../../src/models/tokenEmbedding.ts';
import { joined, largestError, longropeModel } from '../golden/reference.ts';
import { drawnAdapter, drawnPrompt, layerMethods } from './drawn.ts';
import { scoresOf } from './scores.ts';

/** Another order of float32 sums. */
const tolerance = 1e-5;
const greedy = { maxNewTokens: 12, stopIds: [], sampling: null, signal: new AbortController().signal };

const dir = await mkdtemp(join(tmpdir(), 'long-rows-'));
after(() => rm(dir, { recursive: true }));

/** Models whose rotation depends on a row's length from 20 positions on. */
const models: Readonly<Record<string, () => Promise<string>>> = {
  longrope: async () => longropeModel,
  dynamic: () => turned('dynamic', { rope_type: 'dynamic', rope_theta: 1e4, factor: 4 }),
};

async function turned(name: string, rope_parameters: JsonObject): Promise<string> {
  const source = longropeModel;
  const config = JSON.parse(await readFile(join(source, 'config.json'), 'utf8'));
  const folder = await mkdtemp(join(dir, name));
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({ ...config, max_position_embeddings: 20, rope_parameters }),
  );
  await copyFile(join(source, 'model.safetensors'), join(folder, 'model.safetensors'));
  return folder;
}

for (const [name, folderOf] of Object.entries(models)) {
  describe(`${name}: rows on both sides of the length from which rotation is another`, async () => {
    const language = await LanguageModel.open(await folderOf(), 'cpu');
    after(() => language.close());
    const { model } = language;
    const random = Random.of(1, 'rows');
    const rows = [15, 16, 17, 20, 21, 26, 4, 40].map((length) => {
      const inputIds = Array.from({ length }, () => random.integer(model.architecture.sizes.vocabulary));
      return { inputIds, labels: inputIds };
    });
    const attachments = {
      base: null,
      prompt: await drawnPrompt(model, 3),
      prefix: await drawnPrompt(model, 3, { peft_type: 'PREFIX_TUNING' }),
      LORA: await drawnAdapter(model, 3, layerMethods.LORA),
    };

    for (const [kind, adapter] of Object.entries(attachments)) {
      test(`${kind}: a row scores the same alone and in any batch`, async () => {
        const attached = await language.attach(adapter);
        const together = await scoresOf(attached, rows);
        for (const [r, row] of rows.entries()) {
          const [alone] = await scoresOf(attached, [row]);
          assert.ok(largestError(together[r]!, alone!) <= tolerance, `row ${r}`);
        }
      });

      test(`${kind}: decoding across that length is decoding by full passes`, async () => {
        const attached = await language.attach(adapter);
        const prompts = rows.slice(0, 6).map((row) => row.inputIds);
        const tokens = await generate(attached, prompts, greedy);
        for (const [r, prompt] of prompts.entries()) {
          for (const count of tokens[r]!.keys()) {
            const logits = await (await attached.decode(1)).advance([[...prompt, ...tokens[r]!.slice(0, count)]]);
            assert.equal(tokens[r]![count], argmax(logits[0]![0]!), `row ${r}, token ${count}`);
          }
        }
      });

      test(`${kind}: what follows a prompt scores as it does in its row`, async () => {
        const attached = await language.attach(adapter);
        const prompts = rows.slice(0, 6).map((row) => row.inputIds.slice(0, -3));
        const scores = await (await Reading.of(attached, prompts)).score(
          rows.slice(0, 6).map((row) => row.inputIds.slice(-3)),
        );
        const whole = await scoresOf(attached, rows.slice(0, 6));
        for (const [r, score] of scores.entries()) {
          assert.ok(largestError(score, whole[r]!.slice(-3)) <= tolerance, `row ${r}`);
        }
      });
    }

    test('a soft prompt made of the embeddings of tokens does what those tokens do', async () => {
      const ids = [7, 3, 11, 3];
      const soft = await language.attach(await promptOf(language, ids));
      const hard = rows.map(({ inputIds }) => ({
        inputIds: [...ids, ...inputIds],
        labels: [-100, -100, -100, -100, ...inputIds],
      }));
      const scores = await scoresOf(await language.attach(null), hard);
      for (const [r, score] of (await scoresOf(soft, rows)).entries()) {
        assert.ok(largestError(score, scores[r]!) <= tolerance, `row ${r}`);
      }
    });

    test('the length matters: a row that goes on does not begin as it did', async () => {
      const attached = await language.attach(null);
      const first = async (count: number) => logitsOf(attached, rows[7]!.inputIds.slice(0, count), 10);
      assert.ok(largestError(await first(20), await first(12)) <= 1e-4);
      assert.ok(largestError(await first(21), await first(20)) > 0.01);
    });

    test('the gradient of a soft prompt over rows of both kinds is the slope of the loss', async () => {
      const { method, tensors } = await drawnPrompt(model, 1);
      const runner = await LossRunner.create(model, method, 'cpu', true);
      const run = (at: TrainedTensors) =>
        runner.run(rows, at, 1 / joined(rows.map(({ labels }) => Float32Array.from(labels))).length);
      const [[key, gradient]] = [...(await run(tensors)).gradients] as [[string, Float32Array]];
      const norm = Math.hypot(...gradient);
      const lossAt = async (distance: number) =>
        (await run(new Map([[key, tensors.get(key)!.map((x, i) => x + (distance * gradient[i]!) / norm)]]))).loss;
      const step = 0.005;
      const near = (await lossAt(step)) - (await lossAt(-step));
      const far = (await lossAt(2 * step)) - (await lossAt(-2 * step));
      await runner.close();
      const slope = (8 * near - far) / (12 * step);
      assert.ok(Math.abs(slope / norm - 1) < 2e-3, `norm ${norm}, slope ${slope}`);
    });
  });
}

/** A soft prompt of the embeddings of tokens. */
async function promptOf(language: LanguageModel, ids: readonly number[]) {
  const { method } = await drawnPrompt(language.model, 1, { num_virtual_tokens: ids.length });
  const tensors = new Map([[method.trainables[0]!.name, await readTokenEmbeddings(language.model, ids)]]);
  return { method, tensors };
}

/** Logits after the first `count` tokens of a row that goes through the model at once. */
async function logitsOf(attached: AttachedModel, row: readonly number[], count: number): Promise<Float32Array> {
  const [logits] = await (await attached.decode(1)).advance([row], true);
  return joined(logits!.slice(0, count));
}
