import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AttachedModel, LanguageModel } from '../../src/inference/languageModel.ts';
import { LossRunner } from '../../src/inference/lossRunner.ts';
import { meanLoss, scoreRows } from '../../src/inference/score.ts';
import { readAdapter } from '../../src/methods/adapter.ts';
import type { TrainedTensors } from '../../src/methods/method.ts';
import { trainingForm } from '../../src/methods/promptEncoder.ts';
import { continued, writeTrained } from '../../src/methods/trainedAdapter.ts';
import type { LabelledRow } from '../../src/models/labelledRow.ts';
import type { Model } from '../../src/models/model.ts';
import { supervisedWeight } from '../../src/models/supervision.ts';
import type { StepEvent } from '../../src/training/events.ts';
import { optimizedForm } from '../../src/training/optimizer.ts';
import type { TrainingOptions } from '../../src/training/options.ts';
import { scoresOf } from '../engine/scores.ts';
import { plainOptions, trained } from '../engine/training.ts';
import {
  goldenCases,
  joined,
  largestError,
  type PaddedBatch,
  readCase,
  readRows,
  readTensors,
  relativeError,
  unpadded,
} from './reference.ts';

interface TrainCase {
  readonly model: string;
  readonly steps: number;
  readonly optimizer: {
    name: keyof typeof optimizers;
    lr: number;
    betas: [number, number];
    eps: number;
    weight_decay: number;
    loraplus_lr_ratio?: number;
  };
  readonly max_grad_norm: number | null;
  readonly scheduler: {
    name: TrainingOptions['lr_scheduler_type'];
    num_warmup_steps?: number;
    num_training_steps?: number;
  };
  readonly loss: readonly number[];
  readonly lr: readonly number[];
  readonly grad_norm: readonly number[];
  /** peft010: batches in the case file, one after another, around and around. */
  readonly batches?: readonly PaddedBatch[];
  readonly batch_of_step?: readonly number[];
  readonly final_eval_loss?: readonly number[];
  /** peft021: file of the rows. */
  readonly data?: string;
  readonly batch_size?: number;
  readonly gradient_accumulation_steps?: number;
  readonly final_row_loss?: readonly number[];
  readonly final_row_token_logprobs?: readonly (readonly number[])[];
}

/** The optimisers of the cases, by ours. */
const optimizers = { AdamW: 'adamw', 'LoRA-FA': 'lora_fa', Adafactor: 'adafactor' } as const;

const lossTolerance = 2e-4;
const adapterTolerance = 5e-3;
/** Logits reach 20 here; the reference's own float32 run is within 1e-5 of its double precision. */
const logitTolerance = 1e-4;
/** Of gradients, relative: float32 against double precision over a whole backward pass. */
const gradientTolerance = 1e-4;

const { signal } = new AbortController();

let checkpoints: string;
before(async () => {
  checkpoints = await mkdtemp(join(tmpdir(), 'golden-training-'));
});
after(() => rm(checkpoints, { recursive: true }));

for (const { title, root, path } of goldenCases('train')) {
  const expected: TrainCase = readCase(join(path, 'case.json'));
  const options = optionsOf(expected);
  const final = join(path, 'final');
  /** What was trained before PEFT took out of it what is not stored. */
  const unpruned = join(path, 'final_full_rank.safetensors');

  describe(title, async () => {
    const language = await LanguageModel.open(join(root, expected.model), 'cpu');
    after(() => language.close());
    const { model } = language;
    const rows =
      expected.batches?.flatMap((batch) => unpadded(batch, model.task)) ?? readRows(join(path, expected.data!));
    const { method: stored, tensors: initial } = await startingPoint(join(path, 'init'), model);
    const method = optimizedForm(trainingForm(stored), options.optim);

    test('the first gradient', async () => {
      const batch = rows.slice(0, options.per_device_train_batch_size * options.gradient_accumulation_steps);
      const weight = batch.reduce((sum, row) => sum + supervisedWeight(model.task, row, method), 0);
      const runner = await LossRunner.create(model, method, 'cpu', true);
      const { loss, gradients } = await runner.run(batch, initial, 1 / weight);
      await runner.close();
      assert.ok(Math.abs(loss - expected.loss[0]!) <= lossTolerance);
      const reference = await readTensors(join(path, 'grad0.safetensors'));
      assert.deepEqual([...gradients.keys()].sort(), [...reference.keys()].sort());
      for (const [name, { data }] of reference) {
        assert.ok(relativeError(gradients.get(name)!, data) <= gradientTolerance, name);
      }
    });

    test('every step, the finished adapter and what it gives', async () => {
      const { events, outcome } = await trained({ model, method, initial, rows, options, checkpoints });
      const steps = events.filter((event): event is StepEvent => event.event === 'step');
      assert.equal(outcome.reason, 'finished');
      assert.equal(steps.length, expected.steps);
      for (const [i, step] of steps.entries()) {
        assert.equal(step.step, i + 1);
        assert.ok(Math.abs(step.loss - expected.loss[i]!) <= lossTolerance, `loss of step ${step.step}: ${step.loss}`);
        assert.ok(Math.abs(step.learning_rate - expected.lr[i]!) <= 1e-12, `rate of step ${step.step}`);
        assert.ok(Math.abs(step.grad_norm / expected.grad_norm[i]! - 1) <= 1e-3, `gradient norm of step ${step.step}`);
      }
      const folder = await mkdtemp(join(checkpoints, 'finished-'));
      await writeTrained(folder, stored, outcome.tensors);
      const finished = await readAdapter(folder, model);
      await checkScores(await language.attach(finished), rows);
      if (existsSync(unpruned)) assertNear(outcome.tensors, await valuesOf(unpruned));
      if (!existsSync(final)) return;
      const peft = await readAdapter(final, model);
      assertNear(finished.tensors, peft.tensors);
      assert.deepEqual(finished.method.config.rank_pattern, peft.method.config.rank_pattern);
      if (!existsSync(unpruned)) assertNear(outcome.tensors, (await startingPoint(final, model)).tensors);
    });

    test('the rows under the adapter that PEFT finished', { skip: !existsSync(final) }, async () => {
      const attached = await language.attach(await readAdapter(final, model));
      await checkScores(attached, rows);
      if (expected.data === undefined) return;
      for (const [name, { data }] of await readTensors(join(path, 'rows.safetensors'))) {
        const row = rows[Number(name.split('.')[1])]!;
        if (model.task === 'seq_cls') {
          for await (const [{ logits }] of scoreRows(attached, [row], signal)) {
            assert.ok(largestError(logits!, data) <= logitTolerance, name);
          }
          continue;
        }
        const decoding = await attached.decode(1);
        const [logits] = await decoding.advance([Array.from(row.inputIds)], true);
        assert.ok(largestError(joined(logits!), data) <= logitTolerance, name);
      }
    });
  });

  /** What the rows score under an adapter: by batch in the older set, row by row in the newer one. */
  async function checkScores(attached: AttachedModel, rows: readonly LabelledRow[]): Promise<void> {
    const scores = await scoresOf(attached, rows);
    for (const [i, loss] of expected.final_eval_loss?.entries() ?? []) {
      const size = options.per_device_train_batch_size;
      const own = joined(scores.slice(i * size, (i + 1) * size));
      assert.ok(Math.abs(meanLoss(own) - loss) <= lossTolerance, `batch ${i}`);
    }
    for (const [r, loss] of expected.final_row_loss?.entries() ?? []) {
      assert.ok(Math.abs(meanLoss(scores[r]!) - loss) <= lossTolerance, `row ${r}`);
      const logprobs = expected.final_row_token_logprobs?.[r];
      if (logprobs !== undefined) assert.ok(largestError(scores[r]!, logprobs) <= lossTolerance, `row ${r}`);
    }
  }
}

/** What training goes on from in a folder: the encoder of a re-parametrised prompt, else the adapter itself. */
async function startingPoint(folder: string, model: Model) {
  const stored = await readAdapter(folder, model);
  return continued(stored, stored.method, model);
}

async function valuesOf(file: string): Promise<TrainedTensors> {
  return new Map([...(await readTensors(file))].map(([name, { data }]) => [name, data]));
}

function assertNear(found: TrainedTensors, expected: TrainedTensors): void {
  assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
  for (const [name, data] of expected) {
    assert.ok(relativeError(found.get(name)!, data) <= adapterTolerance, name);
  }
}

function optionsOf(expected: TrainCase): TrainingOptions {
  const { optimizer, scheduler, batches } = expected;
  // Batches are taken in the order of the rows, around and around, as the engine does without shuffling.
  expected.batch_of_step?.forEach((batch, step) => {
    assert.equal(batch, step % batches!.length);
  });
  assert.equal(scheduler.num_training_steps ?? expected.steps, expected.steps);
  return {
    ...plainOptions,
    max_steps: expected.steps,
    per_device_train_batch_size: expected.batch_size ?? batches![0]!.input_ids.length,
    gradient_accumulation_steps: expected.gradient_accumulation_steps ?? 1,
    learning_rate: optimizer.lr,
    lr_scheduler_type: scheduler.name,
    warmup_steps: scheduler.num_warmup_steps ?? 0,
    optim: optimizers[optimizer.name],
    loraplus_lr_ratio: optimizer.loraplus_lr_ratio,
    weight_decay: optimizer.weight_decay,
    max_grad_norm: expected.max_grad_norm ?? 0,
    adam_beta1: optimizer.betas[0],
    adam_beta2: optimizer.betas[1],
    adam_epsilon: optimizer.eps,
  };
}
