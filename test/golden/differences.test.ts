import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { meanLoss } from '../../src/inference/score.ts';
import { readAdapter } from '../../src/methods/adapter.ts';
import { scoresOf } from '../engine/scores.ts';
import { joined, type PaddedBatch, readCase, unpadded } from './reference.ts';

/** Cases of the older libraries from which we differ, and the one step that leads from our numbers to theirs (docs/interop.md). */
const differences = join(import.meta.dirname, 'differences');
const lossTolerance = 2e-4;

const dir = await mkdtemp(join(tmpdir(), 'differences-'));
after(() => rm(dir, { recursive: true }));

async function opened(folder: string): Promise<LanguageModel> {
  const language = await LanguageModel.open(folder, 'cpu');
  after(() => language.close());
  return language;
}

test('a sliding window of W + 1 keys here is one of W in transformers 4.40', async () => {
  const source = join(differences, 'mistral-sw-a');
  const expected = readCase<{ mean_loss: Record<string, number>; variants: Record<string, PaddedBatch> }>(
    join(source, 'case.json'),
  );
  const config = JSON.parse(await readFile(join(source, 'config.json'), 'utf8'));
  const wider = { ...config, sliding_window: config.sliding_window + 1 };
  await writeFile(join(dir, 'config.json'), JSON.stringify(wider));
  await copyFile(join(source, 'model.safetensors'), join(dir, 'model.safetensors'));
  const rows = unpadded(expected.variants.right!, 'causal_lm');
  const lossIn = async (folder: string) =>
    meanLoss(joined(await scoresOf(await (await opened(folder)).attach(null), rows)));
  assert.ok(Math.abs((await lossIn(dir)) - expected.mean_loss.right!) <= lossTolerance);
  assert.ok(Math.abs((await lossIn(source)) - expected.mean_loss.right!) > 0.01);
});

test("Gemma's virtual tokens times the root of the width are what transformers 4.40 made of them", async () => {
  const { batches, final_eval_loss } = readCase<{ batches: PaddedBatch[]; final_eval_loss: number[] }>(
    join(differences, 'prompt-gemma/case.json'),
  );
  const language = await opened(join(import.meta.dirname, 'peft010/models/gemma-a'));
  const stored = await readAdapter(join(differences, 'prompt-gemma/final'), language.model);
  const factor = Math.sqrt(language.model.architecture.sizes.hidden);
  const scaled = new Map([...stored.tensors].map(([name, data]) => [name, data.map((x) => x * factor)]));
  for (const [i, batch] of batches.entries()) {
    const rows = unpadded(batch, 'causal_lm');
    const lossOf = async (adapter: typeof stored) =>
      meanLoss(joined(await scoresOf(await language.attach(adapter), rows)));
    assert.ok(Math.abs((await lossOf({ ...stored, tensors: scaled })) - final_eval_loss[i]!) <= lossTolerance);
    assert.ok(Math.abs((await lossOf(stored)) - final_eval_loss[i]!) > 0.01);
  }
});
