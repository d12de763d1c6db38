import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { drawnAdapter, drawnRows } from '../../test/engine/drawn.ts';
import { scoresOf } from '../../test/engine/scores.ts';
import { bytesOf } from '../../test/engine/training.ts';
import { largestError, readCase, tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { openModel } from '../models/model.ts';
import { readAdapter } from './adapter.ts';
import type { StepRule, TrainedTensors } from './method.ts';
import { rankAllocator } from './rankAllocator.ts';
import { configureMethod } from './table.ts';
import { writeTrained } from './trainedAdapter.ts';

const golden = join(import.meta.dirname, '../../test/golden');
const llama = await openModel(tinyModels.llama);
const adalora = (keys: JsonObject = {}, model = llama) => configureMethod({ peft_type: 'ADALORA', ...keys }, model);

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'adalora-'));
});
after(() => rm(dir, { recursive: true }));

test('its config has all that PEFT has in its own, and reading it gives it back', async () => {
  const qwen = await openModel(tinyModels.qwen3);
  const written = join(golden, 'peft021/train/adalora-qwen3');
  const { peft_version: _, ...keys } = readCase<JsonObject>(join(written, 'init/adapter_config.json'));
  const { init_r, target_r, tinit, tfinal, deltaT, total_step } = keys;
  const given = { init_r: init_r!, target_r: target_r!, tinit: tinit!, tfinal: tfinal!, deltaT: deltaT! };
  const { config } = adalora(given, qwen).forRun!(total_step as number);
  assert.deepEqual(config, { ...keys, base_model_name_or_path: qwen.dir });
  const { config: read } = (await readAdapter(join(written, 'final'), qwen)).method;
  assert.deepEqual(JSON.parse(JSON.stringify(read)), readCase(join(written, 'final/adapter_config.json')));
});

/** Two layers of three triplets, all of one number, which are trained by gradients that the test gives. */
function trained(rule: StepRule, layers: readonly string[]) {
  const tensors = new Map(
    layers.flatMap((at) => ['A', 'E', 'B'].map((part) => [`${at}${part}`, Float32Array.of(1, 1, 1)])),
  );
  const memory = new Map([...rule.memory].map(([name, length]) => [name, new Float32Array(length)] as const));
  const left = (from: TrainedTensors = tensors) =>
    layers.map((at) => from.get(`${at}E`)!.filter((x) => x !== 0).length);
  const step = (number: number, gradient: (name: string) => Float32Array) => {
    for (const at of layers) tensors.get(`${at}E`)!.fill(1);
    const gradients = new Map([...tensors.keys()].map((name) => [name, gradient(name)]));
    rule.after({ step: number, tensors, gradients, scale: 1, memory });
    return left();
  };
  return { step, kept: () => left(rule.kept(tensors, memory)), tensors, memory };
}

test('triplets are pruned by the cubic schedule, those of least importance first, and come back until the last steps', () => {
  const layers = ['x', 'y'].map((at) => ({
    names: { a: `${at}A`, e: `${at}E`, b: `${at}B` },
    ...{ rank: 3, inFeatures: 1, outFeatures: 1 },
  }));
  const schedule = { target: 2, tinit: 1, tfinal: 3, deltaT: 2, totalSteps: 12, beta1: 0.85, beta2: 0.85 };
  const { step, kept, memory } = trained(rankAllocator(schedule, layers), ['x', 'y']);
  // The gradients of y are smaller, and in both layers those of the first triplet.
  const gradient = (name: string) => Float32Array.of(1, 2, 3).map((x) => (name.startsWith('y') ? x / 10 : x));
  const counts = Array.from({ length: 12 }, (_, i) => step(i, gradient));
  // Of 6 triplets 2 + 4 (1 - (step - 1) / 8)^3 are left: 4.68 after step 2, 2.98 after 4, 2.21 after 6, 2.01 after 8; 2 at 9.
  const all = [3, 3];
  assert.deepEqual(counts, [all, all, [3, 1], all, [2, 0], all, [2, 0], all, [2, 0], [2, 0], [2, 0], [2, 0]]);
  assert.deepEqual(kept(), [2, 0]);
  assert.deepEqual(memory.get('pruned:xE'), Float32Array.of(1, 0, 0));
});

test('what is kept between two prunings is without what was pruned last', () => {
  const layers = [{ names: { a: 'xA', e: 'xE', b: 'xB' }, rank: 3, inFeatures: 1, outFeatures: 1 }];
  const schedule = { target: 1, tinit: 0, tfinal: 1, deltaT: 2, totalSteps: 6, beta1: 0.5, beta2: 0.5 };
  const { step, kept } = trained(rankAllocator(schedule, layers), ['x']);
  const gradient = () => Float32Array.of(3, 1, 2);
  step(0, gradient);
  step(1, gradient);
  assert.deepEqual(kept(), [3]);
  assert.deepEqual(step(2, gradient), [1]);
  assert.deepEqual([step(3, gradient), kept()], [[3], [1]]);
});

test('what is stored has no pruned triplets and gives the same; what goes on from it keeps their places', async () => {
  const language = await LanguageModel.open(tinyModels.llama, 'cpu');
  after(() => language.close());
  const config = { peft_type: 'ADALORA', init_r: 4, init_lora_weights: false, lora_alpha: 1 };
  const { method, tensors } = await drawnAdapter(llama, 1, config);
  const prunes = (to: TrainedTensors, from: readonly (readonly [string, readonly number[]])[]) => {
    for (const [module, places] of from) {
      for (const place of places) to.get(`base_model.model.model.layers.${module}.lora_E`)![place] = 0;
    }
  };
  prunes(tensors, [
    ['0.self_attn.q_proj', [1]],
    ['1.self_attn.v_proj', [0, 1, 2, 3]],
  ]);
  const rows = drawnRows(llama, 4);
  const whole = await scoresOf(await language.attach({ method, tensors }), rows);
  await writeTrained(join(dir, 'cut'), method, tensors);
  const cut = await readAdapter(join(dir, 'cut'), llama);
  for (const [r, scores] of (await scoresOf(await language.attach(cut), rows)).entries()) {
    assert.ok(largestError(scores, whole[r]!) <= 1e-5);
  }
  const shape = (module: string) =>
    cut.method.trainables.find(({ name }) => name === `base_model.model.model.layers.${module}.lora_A`)?.dims[0];
  assert.deepEqual(
    [shape('0.self_attn.q_proj'), shape('0.self_attn.v_proj'), shape('1.self_attn.v_proj')],
    [3, 4, undefined],
  );

  prunes(cut.tensors, [['0.self_attn.q_proj', [1]]]);
  await writeTrained(join(dir, 'again'), cut.method, cut.tensors);
  const { rank_pattern } = (await readAdapter(join(dir, 'again'), llama)).method.config;
  const pattern = rank_pattern as Record<string, boolean[]>;
  assert.deepEqual(pattern['model.layers.0.self_attn.q_proj.lora_E'], [true, false, false, true]);
  assert.deepEqual(pattern['model.layers.1.self_attn.v_proj.lora_E'], [false, false, false, false]);
});

test('an adapter whose E was not trained yet is stored whole', async () => {
  const { method, tensors } = await drawnAdapter(llama, 1, { peft_type: 'ADALORA', init_r: 3 });
  await writeTrained(join(dir, 'begun'), method, tensors);
  const read = await readAdapter(join(dir, 'begun'), llama);
  assert.equal(read.method.config.rank_pattern, null);
  assert.deepEqual(bytesOf(read.tensors), bytesOf(tensors));
});

test('what cannot be is refused by its key', () => {
  const refusals: readonly (readonly [JsonObject, RegExp])[] = [
    [{ use_dora: true }, /use_dora does not go with ADALORA/],
    [{ orth_reg_weight: 0 }, /orth_reg_weight is 0/],
    [{ beta1: 1 }, /beta1 is 1; it must be between 0 and 1/],
    [{ deltaT: 0 }, /deltaT is 0/],
    [{ total_step: 10, tinit: 4, tfinal: 6 }, /tinit and tfinal \(4 and 6\) leave none of 10 steps/],
    [
      { init_r: 3, rank_pattern: { 'model.layers.0.self_attn.q_proj.lora_E': [true] } },
      /rank_pattern has no list of 3/,
    ],
    [{ rank_pattern: { 'model.layers.0.self_attn.q_proj.lora_E': 4 } }, /rank_pattern has no list of 12/],
  ];
  for (const [keys, pattern] of refusals) assert.throws(() => adalora(keys), pattern);
  // A file of another rank is refused by its tensors.
  adalora({ init_r: Number.MAX_SAFE_INTEGER });
});
