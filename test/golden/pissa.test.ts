import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { readAdapter } from '../../src/methods/adapter.ts';
import { configureMethod } from '../../src/methods/table.ts';
import { writeTrained } from '../../src/methods/trainedAdapter.ts';
import type { StepEvent } from '../../src/training/events.ts';
import { drawnAdapter } from '../engine/drawn.ts';
import { scoresOf } from '../engine/scores.ts';
import { plainOptions, trained } from '../engine/training.ts';
import { joined, largestError, readCase, readRows, readTensors } from './reference.ts';

interface PissaCase {
  readonly model: string;
  readonly config: JsonObject;
  readonly steps: number;
  readonly batch_size: number;
  readonly optimizer: { lr: number; betas: [number, number]; eps: number; weight_decay: number };
  readonly scheduler: { num_warmup_steps: number };
  readonly loss: readonly number[];
  readonly grad_norm: readonly number[];
  readonly final_row_token_logprobs: readonly (readonly number[])[];
}

/** As for the other training cases; losses and norms do not depend on the signs that a decomposition leaves open. */
const tolerance = 2e-4;

const root = join(import.meta.dirname, 'peft021');

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'golden-pissa-'));
});
after(() => rm(dir, { recursive: true }));

for (const name of ['llama3', 'gpt2']) {
  describe(`pissa/${name}`, async () => {
    const path = join(root, 'pissa', name);
    const expected: PissaCase = readCase(join(path, 'case.json'));
    const rows = readRows(join(path, 'train.jsonl'));
    const language = await LanguageModel.open(join(root, expected.model), 'cpu');
    after(() => language.close());
    const { model } = language;

    test("every step is PEFT's, on weights that it changed; the stored LORA gives the same on the model as it is", async () => {
      const config = { peft_type: 'LORA', ...expected.config };
      const { method, tensors: initial } = await drawnAdapter(model, 1, config);
      const { optimizer, scheduler, steps, batch_size } = expected;
      const options = {
        ...plainOptions,
        max_steps: steps,
        per_device_train_batch_size: batch_size,
        learning_rate: optimizer.lr,
        lr_scheduler_type: 'linear' as const,
        warmup_steps: scheduler.num_warmup_steps,
        weight_decay: optimizer.weight_decay,
        adam_beta1: optimizer.betas[0],
        adam_beta2: optimizer.betas[1],
        adam_epsilon: optimizer.eps,
      };
      const { events, outcome } = await trained({ model, method, initial, rows, options, checkpoints: dir });
      for (const [i, step] of events.filter((event): event is StepEvent => event.event === 'step').entries()) {
        assert.ok(Math.abs(step.loss - expected.loss[i]!) <= tolerance, `loss of step ${step.step}: ${step.loss}`);
        assert.ok(Math.abs(step.grad_norm / expected.grad_norm[i]! - 1) <= 1e-3, `gradient norm of step ${step.step}`);
      }
      const folder = await mkdtemp(join(dir, 'stored-'));
      await writeTrained(folder, configureMethod(config, model), outcome.tensors);
      await checkRows(folder);
    });

    test('what PEFT itself converted to LORA gives that too', async () => {
      await checkRows(join(path, 'converted'));
    });

    async function checkRows(folder: string): Promise<void> {
      const attached = await language.attach(await readAdapter(folder, model));
      for (const [r, scores] of (await scoresOf(attached, rows)).entries()) {
        assert.ok(largestError(scores, expected.final_row_token_logprobs[r]!) <= tolerance, `row ${r}`);
      }
      for (const [key, { data }] of await readTensors(join(path, 'rows.safetensors'))) {
        const decoding = await attached.decode(1);
        const [logits] = await decoding.advance([Array.from(rows[Number(key.split('.')[1])]!.inputIds)], true);
        assert.ok(largestError(joined(logits!), data) <= 1e-3, key);
      }
    }
  });
}
