import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { Random } from '../../src/foundation/random.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { LossRunner } from '../../src/inference/lossRunner.ts';
import { meanLoss } from '../../src/inference/score.ts';
import { configureMethod } from '../../src/methods/table.ts';
import { openModel } from '../../src/models/model.ts';
import { readCheckpoint } from '../../src/training/checkpoint.ts';
import type { CheckpointEvent, EvalEvent, StepEvent } from '../../src/training/events.ts';
import type { TrainingOptions } from '../../src/training/options.ts';
import { joined, tinyModels } from '../golden/reference.ts';
import { drawnPrompt, drawnRows } from './drawn.ts';
import { scoresOf } from './scores.ts';
import { bytesOf, plainOptions, type TestSetup, trained } from './training.ts';

/** Everything that has a state: shuffled order, warm-up, decay, clipping, accumulation, validation. */
const fullOptions: TrainingOptions = {
  ...plainOptions,
  max_steps: 20,
  lr_scheduler_type: 'cosine',
  warmup_steps: 3,
  weight_decay: 0.01,
  max_grad_norm: 1,
  per_device_train_batch_size: 3,
  gradient_accumulation_steps: 2,
  eval_steps: 4,
  save_steps: 7,
  shuffle: true,
  seed: 5,
};

let checkpoints: string;
beforeEach(async () => {
  checkpoints = await mkdtemp(join(tmpdir(), 'training-'));
});
afterEach(() => rm(checkpoints, { recursive: true }));

const isStep = (event: { event: string }): event is StepEvent => event.event === 'step';
const isEval = (event: { event: string }): event is EvalEvent => event.event === 'eval';
const isCheckpoint = (event: { event: string }): event is CheckpointEvent => event.event === 'checkpoint';

/** A run on a tiny model, its rows and validation rows. */
async function setupOf(dir: string, options: TrainingOptions, config: JsonObject = {}): Promise<TestSetup> {
  const model = await openModel(dir);
  const { method, tensors: initial } = await drawnPrompt(model, 1, config);
  const [rows, validation] = [drawnRows(model, 11, 1), drawnRows(model, 5, 2)];
  return { model, method, initial, rows, validation, options, checkpoints };
}

const { gpt2, llama } = tinyModels;
for (const [family, dir] of Object.entries({ gpt2, llama })) {
  describe(`${family}: a run`, () => {
    test('of the same seed gives the same bytes, of another seed others', async () => {
      const setup = await setupOf(dir, fullOptions);
      const first = await trained(setup);
      const again = await trained(setup);
      assert.deepEqual(bytesOf(again.outcome.tensors), bytesOf(first.outcome.tensors));
      assert.deepEqual(again.events, first.events);
      const other = await trained({ ...setup, options: { ...fullOptions, seed: 6 } });
      assert.notDeepEqual(bytesOf(other.outcome.tensors), bytesOf(first.outcome.tensors));
    });

    test('that is stopped after 10 steps and resumed gives the bytes of 20 steps', async () => {
      const setup = await setupOf(dir, fullOptions);
      const whole = await trained(setup);
      const stopped = await trained(setup, (event, abort) => event.event === 'step' && event.step === 10 && abort());
      assert.deepEqual([stopped.outcome.reason, stopped.outcome.step], ['stopped', 10]);
      const { step, path } = stopped.events.findLast(isCheckpoint)!;
      assert.equal(step, 10);
      const resumed = await trained({ ...setup, initial: new Map(), resume: await readCheckpoint(path) });
      assert.deepEqual(bytesOf(resumed.outcome.tensors), bytesOf(whole.outcome.tensors));
      assert.deepEqual(resumed.outcome, whole.outcome);
      assert.deepEqual(
        [...stopped.events.filter(isStep), ...resumed.events.filter(isStep)],
        whole.events.filter(isStep),
      );
      assert.deepEqual(
        [...stopped.events.filter(isEval), ...resumed.events.filter(isEval)],
        whole.events.filter(isEval),
      );
    });

    test('that is killed goes on from its last checkpoint and gives the same bytes', async () => {
      const setup = await setupOf(dir, fullOptions);
      const whole = await trained(setup);
      const { path } = whole.events.find((event) => isCheckpoint(event) && event.step === 7) as CheckpointEvent;
      const resumed = await trained({ ...setup, resume: await readCheckpoint(path) });
      assert.equal(resumed.events.find(isStep)?.step, 8);
      assert.deepEqual(bytesOf(resumed.outcome.tensors), bytesOf(whole.outcome.tensors));
    });
  });
}

test('a run whose method changes what each step gave goes on from any checkpoint with the same bytes', async () => {
  const config = { peft_type: 'ADALORA', init_r: 4, target_r: 2, tinit: 2, tfinal: 5, deltaT: 3, total_step: 20 };
  const setup = await setupOf(llama, { ...fullOptions, save_steps: 2 }, config);
  const whole = await trained(setup);
  // Of 6 layers, 2 triplets each.
  const kept = [...whole.outcome.tensors].flatMap(([name, data]) => (name.endsWith('lora_E') ? [...data] : []));
  const last = await trained({ ...setup, validation: [] });
  const pruned = [...last.outcome.tensors].flatMap(([name, data]) => (name.endsWith('lora_E') ? [...data] : []));
  assert.equal(pruned.filter((x) => x !== 0).length, 12);
  assert.ok(kept.filter((x) => x !== 0).length >= 12);
  for (const { path, step } of whole.events.filter(isCheckpoint)) {
    if (step === 20) continue;
    const resumed = await trained({ ...setup, initial: new Map(), resume: await readCheckpoint(path) });
    assert.deepEqual(bytesOf(resumed.outcome.tensors), bytesOf(whole.outcome.tensors), `from step ${step}`);
    assert.deepEqual(resumed.outcome, whole.outcome);
  }
});

test('a run keeps the weights of the best validation and stops when it has gone stale', async () => {
  const options = { ...plainOptions, max_steps: 200, learning_rate: 0.3, eval_steps: 2, early_stopping_patience: 3 };
  const setup = await setupOf(gpt2, options);
  const byStep = new Map<number, Record<string, string>>();
  const { events, outcome } = await trained({ ...setup, options: { ...options, save_steps: 2 } });
  for (const { step, path } of events.filter(isCheckpoint))
    byStep.set(step, bytesOf((await readCheckpoint(path)).tensors));

  assert.equal(outcome.reason, 'early_stopping');
  const evals = events.filter(isEval);
  const lowest = evals.reduce((a, b) => (b.loss < a.loss ? b : a));
  assert.deepEqual([outcome.best_step, outcome.best_loss], [lowest.step, lowest.loss]);
  assert.equal(evals.at(-1)!.step, lowest.step + 2 * 3, 'three validations without a new best');
  assert.equal(outcome.step, evals.at(-1)!.step);
  assert.deepEqual(bytesOf(outcome.tensors), byStep.get(lowest.step));
  assert.notDeepEqual(bytesOf(outcome.tensors), byStep.get(outcome.step));
  for (const [i, { loss, best }] of evals.entries()) {
    assert.equal(
      best,
      evals.slice(0, i).every((earlier) => loss < earlier.loss),
    );
  }

  // The loss it was judged by is the one that scoring gives.
  const language = await LanguageModel.open(gpt2, 'cpu');
  try {
    const attached = await language.attach({ method: setup.method, tensors: outcome.tensors });
    const loss = meanLoss(joined(await scoresOf(attached, setup.validation!)));
    assert.ok(Math.abs(loss - lowest.loss) < 1e-5);
  } finally {
    await language.close();
  }
});

test('the loss of a step is the mean over the supervised tokens of all its batches', async () => {
  const setup = await setupOf(gpt2, plainOptions);
  const together = await trained({
    ...setup,
    options: { ...plainOptions, max_steps: 2, per_device_train_batch_size: 6 },
  });
  const accumulated = await trained({
    ...setup,
    options: { ...plainOptions, max_steps: 2, per_device_train_batch_size: 2, gradient_accumulation_steps: 3 },
  });
  const [a, b] = [together.events.filter(isStep), accumulated.events.filter(isStep)];
  for (const [i, step] of a.entries()) {
    assert.ok(Math.abs(step.loss - b[i]!.loss) < 1e-5);
    assert.ok(Math.abs(step.grad_norm / b[i]!.grad_norm - 1) < 1e-4);
    assert.equal(step.tokens, b[i]!.tokens);
  }
});

test('a weight counts a position as often as it says', async () => {
  const { model, method, initial, rows } = await setupOf(gpt2, plainOptions);
  const runner = await LossRunner.create(model, method, 'cpu', true);
  const [row] = rows;
  const doubled = { ...row!, weights: Array.from(row!.labels, () => 2) };
  const masked = { ...row!, weights: Array.from(row!.labels, () => 0) };
  const once = await runner.run([row!], initial);
  const twice = await runner.run([doubled, masked], initial);
  await runner.close();
  assert.ok(Math.abs(twice.loss - 2 * once.loss) < 1e-4);
  assert.deepEqual(
    twice.logprobs.map((row) => row.length),
    [once.logprobs[0]!.length, once.logprobs[0]!.length],
  );
});

for (const family of ['gpt2', 'tiedLlama'] as const) {
  test(`${family}: full training lowers the loss and keeps tied embeddings one tensor`, async () => {
    const model = await openModel(tinyModels[family]);
    const method = configureMethod({ peft_type: 'FULL' }, model);
    const initial = await method.initialise({ model, random: Random.of(1, 'unused'), encode: null });
    assert.ok(!initial.has('lm_head.weight'));
    const rows = drawnRows(model, 4);
    const options = { ...plainOptions, max_steps: 6, learning_rate: 0.01 };
    const { events, outcome } = await trained({ model, method, initial, rows, options, checkpoints });
    const losses = events.filter(isStep).map((step) => step.loss);
    assert.ok(losses.at(-1)! < 0.6 * losses[0]!, losses.join(' '));
    assert.deepEqual([...outcome.tensors.keys()].sort(), [...model.weights.tensors.keys()].sort());
    for (const [name, data] of outcome.tensors) assert.notDeepEqual(data, initial.get(name), `${name} was not trained`);
  });
}
