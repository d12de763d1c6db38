import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../../src/foundation/random.ts';
import { LossRunner } from '../../src/inference/lossRunner.ts';
import type { MethodShape, TrainedTensors } from '../../src/methods/method.ts';
import { configureMethod } from '../../src/methods/table.ts';
import { type Model, openModel } from '../../src/models/model.ts';
import { smoothModels } from '../golden/reference.ts';
import { drawnAdapter, drawnPrompt, drawnRows, methodsWithSlopes } from './drawn.ts';

/**
 * Of slopes: a loss of some 5 is rounded to 5e-7, four of them are divided by 12 steps of 0.005. What shifts all scores of a
 * query (the bias of keys) has a slope of 0.
 */
const rounding = 1e-3;

/** Loss of some rows and its gradients. */
type Run = (tensors: TrainedTensors) => ReturnType<LossRunner['run']>;

async function withRun(model: Model, method: MethodShape, use: (run: Run) => Promise<void>): Promise<void> {
  const runner = await LossRunner.create(model, method, 'cpu', true);
  const rows = drawnRows(model, 5);
  const tokens = rows.reduce((sum, { labels }) => sum + Array.from(labels).filter((label) => label >= 0).length, 0);
  try {
    await use((tensors) => runner.run(rows, tensors, 1 / tokens));
  } finally {
    await runner.close();
  }
}

/**
 * Slope of the loss along a direction in one tensor, from four losses: an error of the fourth order in `step`, so that the
 * step can be large and the rounding of a float32 loss does not drown the difference.
 */
async function slope(run: Run, tensors: TrainedTensors, name: string, direction: Float32Array, step: number) {
  const lossAt = async (distance: number) => {
    const moved = tensors.get(name)!.map((x, i) => x + distance * direction[i]!);
    return (await run(new Map([...tensors, [name, moved]]))).loss;
  };
  const near = (await lossAt(step)) - (await lossAt(-step));
  const far = (await lossAt(2 * step)) - (await lossAt(-2 * step));
  return (8 * near - far) / (12 * step);
}

const norm = (x: Float32Array) => Math.sqrt(x.reduce((sum, y) => sum + y * y, 0));

for (const [family, dir] of Object.entries(smoothModels)) {
  describe(family, () => {
    test('the gradient of a soft prompt is the slope of the loss, coordinate by coordinate', async () => {
      const model = await openModel(dir);
      const { method, tensors } = await drawnPrompt(model, 1);
      await withRun(model, method, async (run) => {
        for (const [name, gradient] of (await run(tensors)).gradients) {
          const random = Random.of(1, 'coordinates');
          for (let i = 0; i < 12; i++) {
            const at = random.integer(gradient.length);
            const axis = new Float32Array(gradient.length);
            axis[at] = 1;
            const found = await slope(run, tensors, name, axis, 0.02);
            const error = Math.abs(found - gradient[at]!) / norm(gradient);
            assert.ok(error < 2e-3, `${name}[${at}]: ${gradient[at]}, slope ${found}`);
          }
        }
      });
    });

    for (const [name, config] of Object.entries(methodsWithSlopes)) {
      test(`${name}: its gradient is the slope of the loss along it`, async () => {
        const model = await openModel(dir);
        const { method, tensors } = await drawnAdapter(model, 1, config);
        await withRun(model, method, async (run) => {
          const { gradients } = await run(tensors);
          const trained = method.trainables.flatMap(({ name, frozen = false }) => (frozen ? [] : [name]));
          assert.deepEqual([...gradients.keys()].sort(), trained.sort());
          for (const [tensor, gradient] of gradients) {
            const length = norm(gradient);
            if (length === 0) continue;
            const along = gradient.map((x) => x / length);
            // Where the loss is steep it bends soon, and where it bends sooner a fifth of the step is needed, whose
            // slope rounds to five times as much.
            const slopeAt = (step: number) => slope(run, tensors, tensor, along, step / Math.max(1, length));
            const far = await slopeAt(0.005);
            if (Math.abs(far - length) < 1e-2 * length + rounding) continue;
            const near = await slopeAt(0.001);
            const is = `${tensor}: norm ${length}, slopes ${far} and ${near}`;
            assert.ok(Math.abs(near - length) < 1e-2 * length + 5 * rounding, is);
          }
          assert.ok([...gradients.values()].some((gradient) => norm(gradient) > 1e-3));
        });
      });
    }

    test('the gradient of every weight is the slope of the loss along it', async () => {
      const model = await openModel(dir);
      const method = configureMethod({ peft_type: 'FULL' }, model);
      const tensors = await method.initialise({ model, random: Random.of(1, 'unused'), encode: null });
      await withRun(model, method, async (run) => {
        const { gradients } = await run(tensors);
        assert.equal(gradients.size, model.weights.tensors.size);
        for (const [name, gradient] of gradients) {
          const length = norm(gradient);
          const along = gradient.map((x) => x / length);
          // Where the loss is steep it bends soon.
          const found = await slope(run, tensors, name, along, 0.01 / Math.max(1, length));
          assert.ok(Math.abs(found - length) < 1e-2 * length + rounding, `${name}: norm ${length}, slope ${found}`);
        }
      });
    });
  });
}
