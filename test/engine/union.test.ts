import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { trainingEngine } from '../../src/experiments/engineTraining.ts';
import { parseExperiment, readExperiment } from '../../src/experiments/experimentFile.ts';
import { exportAdapter, tensorBytes } from '../../src/experiments/library.ts';
import { mergeModel } from '../../src/experiments/mergeModel.ts';
import type { AdapterCard } from '../../src/experiments/records.ts';
import { freshPlace } from '../../src/experiments/trainingPlace.ts';
import { SoftpromptError } from '../../src/foundation/errors.ts';
import { Random } from '../../src/foundation/random.ts';
import { generate } from '../../src/inference/generate.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { readAdapter, writeAdapter } from '../../src/methods/adapter.ts';
import { adapterUse } from '../../src/methods/adapterUse.ts';
import { configureMethod } from '../../src/methods/table.ts';
import { writeTrained } from '../../src/methods/trainedAdapter.ts';
import { openModel } from '../../src/models/model.ts';
import type { StepEvent, TrainingEvent } from '../../src/training/events.ts';
import { largestError, tinyModels } from '../golden/reference.ts';
import { drawnAdapter, drawnRows } from './drawn.ts';
import { scoresOf } from './scores.ts';
import { bytesOf, plainOptions, trained } from './training.ts';

const lora = { peft_type: 'LORA', r: 3, init_lora_weights: false, target_modules: 'all-linear' };
const prompt = { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 3 };
const together = (...methods: JsonObject[]) => ({ peft_type: 'UNION', methods });
const { signal } = new AbortController();

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'union-'));
});
after(() => rm(folder, { recursive: true }));

for (const family of ['llama', 'gpt2', 'gemma'] as const) {
  test(`${family}: a prompt and LORA together do what the prompt does on the model that LORA was merged into`, async () => {
    const dir = join(folder, `set-${family}`);
    const model = await openModel(tinyModels[family]);
    await writeAdapter(dir, await drawnAdapter(model, 3, together(prompt, lora)));
    const output = join(folder, `merged-${family}`);
    await mergeModel({ model: tinyModels[family], adapter: join(dir, 'lora'), output }, signal, () => undefined);
    const [language, merged] = [
      await LanguageModel.open(tinyModels[family], 'cpu'),
      await LanguageModel.open(output, 'cpu'),
    ];
    after(() => Promise.all([language.close(), merged.close()]));
    const set = await language.attach(await readAdapter(dir, language.model));
    const alone = await merged.attach(await readAdapter(join(dir, 'prompt_tuning'), merged.model));
    const rows = drawnRows(model, 6);
    const expected = await scoresOf(alone, rows);
    for (const [r, scores] of (await scoresOf(set, rows)).entries()) {
      assert.ok(largestError(scores, expected[r]!) <= 2e-5, `row ${r}`);
    }
    const prompts = rows.map(({ inputIds }) => inputIds);
    const options = { maxNewTokens: 6, stopIds: [], sampling: null, signal };
    assert.deepEqual(await generate(set, prompts, options), await generate(alone, prompts, options));
  });
}

test('a set is stored as ordinary folders, and read again to the same bytes', async () => {
  const model = await openModel(tinyModels.llama);
  const adapter = await drawnAdapter(model, 1, together({ ...prompt, learning_rate: 0.2 }, lora, lora));
  const dir = join(folder, 'set');
  await writeAdapter(dir, adapter);
  assert.deepEqual((await readdir(dir)).sort(), ['adapter_config.json', 'lora', 'lora-2', 'prompt_tuning']);
  assert.deepEqual(JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8')), {
    adapters: [
      { learning_rate: 0.2, name: 'prompt_tuning', peft_type: 'PROMPT_TUNING' },
      { name: 'lora', peft_type: 'LORA' },
      { name: 'lora-2', peft_type: 'LORA' },
    ],
    peft_type: 'UNION',
    task_type: 'CAUSAL_LM',
  });
  const alone = await readAdapter(join(dir, 'lora'), model);
  assert.equal(alone.method.config.learning_rate, undefined);
  const stored = await readAdapter(dir, model);
  assert.deepEqual(bytesOf(stored.tensors), bytesOf(adapter.tensors));
  assert.equal(stored.method.rates!.get('prompt_tuning/prompt_embeddings'), 0.2);

  await exportAdapter(dir, join(folder, 'exported'), { version: 1 } as AdapterCard);
  const copied = await readAdapter(join(folder, 'exported'), model);
  assert.deepEqual(bytesOf(copied.tensors), bytesOf(adapter.tensors));
  assert.equal(await tensorBytes(dir), await tensorBytes(join(folder, 'exported')));
});

test('what members ask of a training is done for each: ranks that move, matrices that are not stored', async () => {
  const model = await openModel(tinyModels.llama);
  const adalora = { peft_type: 'ADALORA', init_r: 3, target_r: 1, learning_rate: 0.03 };
  const vera = { peft_type: 'VERA', r: 3, save_projection: false };
  const asked = configureMethod(together(adalora, { ...prompt, learning_rate: 0.2 }, vera), model);
  const method = asked.forRun!(6);
  assert.deepEqual([...method.rates!.values()], [...asked.rates!.values()]);
  const initial = await method.initialise({ model, random: Random.of(1, 'init'), encode: null });
  const rows = drawnRows(model, 4);
  const options = { ...plainOptions, max_steps: 6 };
  const { outcome } = await trained({ model, method, initial, rows, options, checkpoints: folder });
  const dir = join(folder, 'pruned');
  await writeTrained(dir, method, outcome.tensors);
  const pruned = await readAdapter(join(dir, 'adalora'), model);
  const ranks = Object.values(pruned.method.config.rank_pattern as Record<string, boolean[]>).flat();
  assert.equal(ranks.filter((is) => is).length, 6, 'one for each layer it acts on');
  assert.equal(pruned.method.config.total_step, 6);
  const language = await LanguageModel.open(tinyModels.llama, 'cpu');
  after(() => language.close());
  const expected = await scoresOf(await language.attach({ method, tensors: outcome.tensors }), rows);
  for (const [r, scores] of (await scoresOf(await language.attach(await readAdapter(dir, model)), rows)).entries()) {
    assert.ok(largestError(scores, expected[r]!) <= 2e-5, `row ${r}`);
  }
});

for (const [what, adapters] of Object.entries({
  'that lead out of it': [{ name: '../set/lora' }, { name: 'prompt_tuning' }],
  'that are not named': [{}, { name: 'lora' }],
  'of one name': [{ name: 'lora' }, { name: 'lora' }],
  'that are no list': 'lora',
})) {
  test(`a set of folders ${what} is refused`, async () => {
    const dir = join(folder, `hostile ${what}`);
    await cp(join(folder, 'set'), dir, { recursive: true });
    await writeFile(join(dir, 'adapter_config.json'), JSON.stringify({ peft_type: 'UNION', adapters }));
    await assert.rejects(readAdapter(dir, await openModel(tinyModels.llama)), (error) =>
      SoftpromptError.is(error, 'adapter-unusable'),
    );
  });
}

test('a set inside itself is refused', async () => {
  const dir = join(folder, 'nested');
  await mkdir(join(dir, 'a'), { recursive: true });
  const config = JSON.stringify({ peft_type: 'UNION', adapters: [{ name: 'a' }] });
  for (const at of [dir, join(dir, 'a')]) await writeFile(join(at, 'adapter_config.json'), config);
  await cp(join(folder, 'set/lora'), join(dir, 'a/a'), { recursive: true });
  await assert.rejects(readAdapter(dir, await openModel(tinyModels.llama)), (error) =>
    SoftpromptError.is(error, 'adapter-unusable'),
  );
});

test('what cannot act together is refused', async () => {
  const model = await openModel(tinyModels.llama);
  const prefix = { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 2 };
  for (const [methods, problem] of [
    [[prompt, prefix], /virtual tokens in one place twice: by prompt_tuning and prefix_tuning/],
    [[lora], /fewer than two/],
    [[lora, together(lora, prompt)], /a union inside a union/],
    [[lora, { ...lora, target_modules: 'nowhere' }], /nowhere/],
  ] as const) {
    assert.throws(
      () => configureMethod(together(...methods), model),
      (error) => SoftpromptError.is(error) && problem.test(error.message),
    );
  }
});

test("a classification's head is trained once, and lies in every member's folder", async () => {
  const use = { task: 'seq_cls', classes: 3 } as const;
  const model = await openModel(tinyModels.gpt2, use);
  const method = configureMethod(together(prompt, lora), model);
  const initial = await method.initialise({ model, random: Random.of(1, 'init'), encode: null });
  const heads = method.trainables.filter(({ name }) => name.endsWith('score.weight'));
  assert.deepEqual(
    heads.map(({ name }) => name),
    ['prompt_tuning/base_model.score.weight'],
  );
  const rows = drawnRows(model, 8);
  const { outcome } = await trained({ model, method, initial, rows, checkpoints: join(folder, 'cls') });
  const dir = join(folder, 'classifier');
  await writeAdapter(dir, { method, tensors: outcome.tensors });
  assert.deepEqual(await adapterUse(dir), use);
  const head = async (name: string) => {
    const { tensors } = await readAdapter(join(dir, name), model);
    return [...tensors].find(([tensor]) => tensor.endsWith('score.weight'))![1];
  };
  assert.deepEqual(await head('prompt_tuning'), await head('lora'));
  assert.notDeepEqual(await head('lora'), initial.get(heads[0]!.name));
  assert.deepEqual(bytesOf((await readAdapter(dir, model)).tensors), bytesOf(outcome.tensors));

  const other = await drawnAdapter(model, 9, lora);
  await writeAdapter(join(dir, 'lora'), other);
  await assert.rejects(readAdapter(dir, model), (error) => SoftpromptError.is(error, 'adapter-mismatch'));
});

test('each member takes steps of its own size', async () => {
  const model = await openModel(tinyModels.llama);
  const method = configureMethod(together({ ...prompt, learning_rate: 0 }, { ...lora, learning_rate: 0.01 }), model);
  const initial = await method.initialise({ model, random: Random.of(1, 'init'), encode: null });
  const options = { ...plainOptions, max_steps: 1, learning_rate: 0.5 };
  const rows = drawnRows(model, 4);
  const { outcome } = await trained({ model, method, initial, rows, options, checkpoints: join(folder, 'rates') });
  for (const [name, values] of outcome.tensors) {
    const moved = Math.max(...values.map((x, i) => Math.abs(x - initial.get(name)![i]!)));
    // AdamW's first step is the rate, whatever the gradient.
    if (name.startsWith('prompt')) assert.equal(moved, 0);
    else assert.ok(Math.abs(moved - 0.01) < 1e-4, `${name} moved by ${moved}`);
  }
});

test("an experiment's union is trained, stopped, resumed and gone on with", async () => {
  const file = join(folder, 'both.tune.yaml');
  const rows = Array.from({ length: 12 }, (_, i) => ({ input_ids: [5 + i, 9, 30 + (i % 4), 7, 11 + (i % 3)] }));
  await writeFile(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  await writeFile(
    file,
    `model: ${tinyModels.llama}
data: { train: rows.jsonl }
method:
  peft_type: UNION
  methods:
    - { peft_type: P_TUNING, num_virtual_tokens: 3, encoder_hidden_size: 8 }
    - { peft_type: LORA, r: 2, learning_rate: 0.01 }
training: { max_steps: 6, save_steps: 2, per_device_train_batch_size: 6, device: cpu }
`,
  );
  const run = async (name: string, stopAt: number | null, resume: boolean, settings: readonly string[] = []) => {
    const { experiment } = await readExperiment(file, settings);
    const controller = new AbortController();
    const adapterFolder = join(folder, `${name}-adapter`);
    await mkdir(adapterFolder, { recursive: true });
    const request = { experiment, checkpoints: join(folder, name), resume, adapterFolder };
    const events: TrainingEvent[] = [];
    for await (const event of trainingEngine(freshPlace).train(request, controller.signal)) {
      events.push(event);
      if (event.event === 'step' && event.step === stopAt) controller.abort();
    }
    const steps = events.filter((event): event is StepEvent => event.event === 'step');
    const model = await openModel(tinyModels.llama);
    return { adapterFolder, steps, bytes: bytesOf((await readAdapter(adapterFolder, model)).tensors) };
  };
  const whole = await run('whole', null, false);
  assert.equal(whole.steps[0]!.learning_rate, 1e-3);
  assert.ok(whole.steps.at(-1)!.loss < whole.steps[0]!.loss);
  await run('halves', 3, false);
  assert.deepEqual((await run('halves', null, true)).bytes, whole.bytes);

  const methods = 'method.methods=[{peft_type: P_TUNING}, {peft_type: LORA, learning_rate: 0}]';
  const on = await run('on', null, false, [`method.init_from=${whole.adapterFolder}`, methods]);
  const loras = (bytes: Record<string, string>) => Object.entries(bytes).filter(([name]) => name.startsWith('lora/'));
  assert.deepEqual(loras(on.bytes), loras(whole.bytes));
  assert.notDeepEqual(on.bytes, whole.bytes);
  assert.ok(on.steps[0]!.loss < whole.steps[0]!.loss);
});

test('problems of a union lie where they are in the file', () => {
  const text = `model: m
data: { train: t.jsonl }
method:
  peft_type: UNION
  methods:
    - { peft_type: PROMPT_TUNING, prompt_tuning_init: TEXT }
    - peft_type: LORA
      lora_alhpa: 8
`;
  assert.deepEqual(
    parseExperiment(text, '/w/a.tune.yaml').problems.map(({ line, key, message }) => [line, key, message]),
    [
      [8, 'method.methods.1.lora_alhpa', 'unknown key "lora_alhpa"; did you mean "lora_alpha"?'],
      [6, 'method.methods.0.prompt_tuning_init_text', 'is needed with prompt_tuning_init: TEXT'],
    ],
  );
});
