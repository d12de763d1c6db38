import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { LossRunner } from '../../src/inference/lossRunner.ts';
import type { TrainedTensors } from '../../src/methods/method.ts';
import { openModel } from '../../src/models/model.ts';
import { readCheckpoint } from '../../src/training/checkpoint.ts';
import type { CheckpointEvent, StepEvent } from '../../src/training/events.ts';
import { smoothModels } from '../golden/reference.ts';
import { drawnAdapter, drawnRows, layerMethods } from './drawn.ts';
import { bytesOf, plainOptions, trained } from './training.ts';

/** A soft prompt, what acts on layers, and all weights: each way a gradient can take to what is trained. */
const methods: Readonly<Record<string, JsonObject>> = {
  prompt: { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4 },
  LORA: layerMethods.LORA,
  FULL: { peft_type: 'FULL' },
};

const norm = (x: Float32Array) => Math.sqrt(x.reduce((sum, y) => sum + y * y, 0));

let checkpoints: string;
beforeEach(async () => {
  checkpoints = await mkdtemp(join(tmpdir(), 'unlikelihood-'));
});
afterEach(() => rm(checkpoints, { recursive: true }));

for (const [family, dir] of Object.entries(smoothModels)) {
  describe(family, async () => {
    const model = await openModel(dir);
    if (model.task === 'seq_cls') return;
    const rows = drawnRows(model, 5);

    for (const [name, config] of Object.entries(methods)) {
      test(`${name}: the loss is that of the probabilities, and its gradient is its slope`, async () => {
        const { method, tensors } = await drawnAdapter(model, 1, config);
        const plain = await LossRunner.create(model, method, 'cpu', false);
        const runner = await LossRunner.create(model, method, 'cpu', true, 'unlikelihood');
        const lossOf = async (moved: TrainedTensors) => (await runner.run(rows, moved)).loss;
        try {
          const { logprobs } = await plain.run(rows, tensors);
          const right = logprobs.flatMap((row) => [...row].map((x) => -Math.log1p(-Math.exp(x))));
          const sum = right.reduce((a, b) => a + b, 0);
          const { loss, gradients } = await runner.run(rows, tensors);
          assert.ok(Math.abs(loss - sum) < 1e-5 * Math.max(1, sum), `${loss}, not ${sum}`);
          const lengths = [...gradients.values()].map(norm);
          const steepest = Math.max(...lengths);
          assert.ok(steepest > 1e-4);
          for (const [tensor, gradient] of gradients) {
            const length = norm(gradient);
            // What the loss hardly depends on: its differences drown in the loss's rounding.
            if (length < 0.02 * steepest) continue;
            const at = (distance: number) => {
              const data = tensors.get(tensor)!.map((x, i) => x + (distance * gradient[i]!) / length);
              return lossOf(new Map([...tensors, [tensor, data]]));
            };
            const isSlope = async (distance: number) => {
              const step = distance / Math.max(1, length);
              const near = (await at(step)) - (await at(-step));
              const far = (await at(2 * step)) - (await at(-2 * step));
              // Losses near `sum` are rounded to 6e-8 of it.
              const rounding = (18 * 6e-8 * Math.max(sum, 1)) / (12 * step);
              return Math.abs((8 * near - far) / (12 * step) - length) < 1e-2 * length + rounding;
            };
            // Where the loss bends soon, a fifth of the step is needed, whose slope rounds to five times as much.
            assert.ok((await isSlope(0.005)) || (await isSlope(0.001)), `${tensor}: norm ${length}`);
          }
        } finally {
          await plain.close();
          await runner.close();
        }
      });
    }

    test('padding changes no loss', async () => {
      const { method, tensors } = await drawnAdapter(model, 1, methods.prompt!);
      const runner = await LossRunner.create(model, method, 'cpu', true, 'unlikelihood');
      try {
        const together = await runner.run(rows, tensors);
        let alone = 0;
        for (const row of rows) alone += (await runner.run([row], tensors)).loss;
        assert.ok(Math.abs(together.loss - alone) < 1e-5 * Math.max(1, alone));
      } finally {
        await runner.close();
      }
    });

    test('what is to be avoided stays less likely than without, and a resumed run gives the same bytes', async () => {
      const { method, tensors: initial } = await drawnAdapter(model, 1, methods.LORA!);
      const options = {
        ...{ ...plainOptions, max_steps: 12, gradient_accumulation_steps: 2, per_device_train_batch_size: 2 },
        ...{ learning_rate: 0.02, shuffle: true, save_steps: 5, unlikelihood: { alpha: 5 } },
      };
      // Of the rows that are learnt, so that without it they would become likely.
      const setup = { model, method, initial, rows, avoided: rows.slice(0, 3), options, checkpoints };
      const whole = await trained(setup);
      const steps = whole.events.filter((event): event is StepEvent => event.event === 'step');
      assert.ok(steps.every(({ unlikelihood }) => unlikelihood !== undefined && unlikelihood > 0));
      const path = whole.events.find((e): e is CheckpointEvent => e.event === 'checkpoint' && e.step === 5)!.path;
      const resumed = await trained({ ...setup, initial: new Map(), resume: await readCheckpoint(path) });
      assert.deepEqual(bytesOf(resumed.outcome.tensors), bytesOf(whole.outcome.tensors));

      const without = await trained({ ...setup, avoided: [] });
      const runner = await LossRunner.create(model, method, 'cpu', true, 'unlikelihood');
      try {
        const lossOf = async (tensors: TrainedTensors) => (await runner.run(setup.avoided, tensors)).loss;
        assert.ok((await lossOf(whole.outcome.tensors)) < (await lossOf(without.outcome.tensors)));
      } finally {
        await runner.close();
      }
    });
  });
}
