import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SoftpromptError } from '../../src/foundation/errors.ts';
import { Random } from '../../src/foundation/random.ts';
import { generate } from '../../src/inference/generate.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { attachedLogits } from '../../src/inference/logitChange.ts';
import { LossRunner } from '../../src/inference/lossRunner.ts';
import { readAdapter, writeAdapter } from '../../src/methods/adapter.ts';
import { configureMethod } from '../../src/methods/table.ts';
import { readTokenEmbeddings } from '../../src/models/tokenEmbedding.ts';
import { largestError, tinyModels } from '../golden/reference.ts';
import { scoresOf } from './scores.ts';

const standIns = [31, 7, 55];
const rows = [
  { inputIds: [5, 6, 7, 8, 9], labels: [-100, -100, 7, 8, 9] },
  { inputIds: [12, 40], labels: [-100, 40] },
  { inputIds: [3, 9, 27], labels: [-100, -100, -100] },
];
/** The rows with real tokens where the suffix stands. */
const written = [
  { inputIds: [5, 6, ...standIns, 7, 8, 9], labels: [-100, -100, -100, -100, -100, 7, 8, 9] },
  { inputIds: [12, ...standIns, 40], labels: [-100, -100, -100, -100, 40] },
  { inputIds: [3, 9, 27, ...standIns], labels: [-100, -100, -100, -100, -100, -100] },
];

for (const family of ['gpt2', 'llama', 'gemma', 'gptNeox'] as const) {
  test(`${family}: a suffix of tokens' vectors does what those tokens do after the input`, async () => {
    const language = await LanguageModel.open(tinyModels[family], 'cpu');
    after(() => language.close());
    const config = { peft_type: 'PROMPT_TUNING', num_virtual_tokens: standIns.length, placement: 'suffix' };
    const method = configureMethod(config, language.model);
    const tensors = new Map([['suffix_embeddings', await readTokenEmbeddings(language.model, standIns)]]);
    const [base, attached] = [await language.attach(null), await language.attach({ method, tensors })];
    const [expected, found] = [await scoresOf(base, written), await scoresOf(attached, rows)];
    for (const [r, scores] of expected.entries()) assert.ok(largestError(found[r]!, scores) <= 1e-5, `row ${r}`);

    const texts = rows.map(({ inputIds }) => inputIds);
    const behind = await attachedLogits(base)(texts.map((ids) => [...ids, ...standIns]));
    const ends = texts.map((_, r) => texts.slice(0, r + 1).flat().length + (r + 1) * standIns.length - 1);
    const given = await attachedLogits(attached)(texts);
    for (const [r, end] of ends.entries()) {
      const last = texts.slice(0, r + 1).flat().length - 1;
      assert.ok(largestError(given[last]!, behind[end]!) <= 1e-4, `what follows row ${r}`);
    }

    const options = { maxNewTokens: 8, stopIds: [], sampling: null, signal: new AbortController().signal };
    const prompts = [
      [5, 6, 7],
      [12, 40, 3, 9, 2],
    ];
    assert.deepEqual(
      await generate(attached, prompts, options),
      await generate(
        base,
        prompts.map((ids) => [...ids, ...standIns]),
        options,
      ),
    );
  });
}

test('a suffix is trained by its gradient, is stored under a name that PEFT refuses, and is read again', async () => {
  const language = await LanguageModel.open(tinyModels.llama, 'cpu');
  const folder = await mkdtemp(join(tmpdir(), 'suffix-'));
  after(async () => {
    await language.close();
    await rm(folder, { recursive: true });
  });
  const config = { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 3, placement: 'suffix' };
  const direct = configureMethod(config, language.model);
  const context = { model: language.model, random: Random.of(1, 'suffix'), encode: null };
  const tensors = await direct.initialise(context);
  const runner = await LossRunner.create(language.model, direct, 'cpu', true);
  const { gradients } = await runner.run(rows, tensors);
  const gradient = gradients.get('suffix_embeddings')!;
  const name = 'suffix_embeddings';
  for (const at of [0, 20, gradient.length - 1]) {
    const lossAt = async (distance: number) => {
      const moved = tensors.get(name)!.map((x, i) => (i === at ? x + distance : x));
      return (await runner.run(rows, new Map([[name, moved]]))).loss;
    };
    const slope = ((await lossAt(0.02)) - (await lossAt(-0.02))) / 0.04;
    const norm = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
    assert.ok(Math.abs(slope - gradient[at]!) / norm < 2e-3, `${gradient[at]}, slope ${slope}`);
  }
  await runner.close();

  await writeAdapter(folder, { method: direct, tensors });
  const stored = await readAdapter(folder, language.model);
  assert.deepEqual(stored.tensors, tensors);
  assert.equal(stored.method.suffixTokens, 3);
  assert.equal(stored.method.config.placement, 'suffix');
});

test('a model that does not continue a text has no place for a suffix', async () => {
  const { model } = await LanguageModel.open(tinyModels.t5, 'cpu');
  assert.throws(
    () => configureMethod({ peft_type: 'PROMPT_TUNING', placement: 'suffix' }, model),
    (error) => SoftpromptError.is(error, 'config-key') && /goes with task: causal_lm/.test(error.message),
  );
});
