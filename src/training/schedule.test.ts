import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { plainOptions } from '../../test/engine/training.ts';
import { totalSteps } from './options.ts';
import { learningRate } from './schedule.ts';

const golden = join(import.meta.dirname, '../../test/golden');

/** Rates of all steps, whole numbers of hundredths of the peak. */
const ratesOf = (options: Partial<typeof plainOptions>, total: number) =>
  Array.from({ length: total }, (_, step) =>
    learningRate({ ...plainOptions, learning_rate: 1, ...options }, step, total),
  );

for (const [name, type] of [
  ['peft021/train/prompt-gpt2-sample', 'linear'],
  ['peft021/train/prompt-gpt2-accum2', 'linear'],
  ['peft010/train/prompt-llama', 'cosine'],
  ['peft010/train/prompt-gpt2', 'constant'],
] as const) {
  test(`${type} is that of transformers: ${name}`, () => {
    const { scheduler, optimizer, lr } = JSON.parse(readFileSync(join(golden, name, 'case.json'), 'utf8'));
    assert.equal(scheduler.name, type);
    const options = { lr_scheduler_type: type, learning_rate: optimizer.lr, warmup_steps: scheduler.num_warmup_steps };
    const rates = ratesOf(options, lr.length);
    for (const [i, rate] of rates.entries()) assert.ok(Math.abs(rate - lr[i]) < 1e-15, `step ${i + 1}`);
  });
}

test('constant warms up too', () => {
  assert.deepEqual(ratesOf({ lr_scheduler_type: 'constant', warmup_steps: 4 }, 6), [0, 0.25, 0.5, 0.75, 1, 1]);
});

test('warmup_ratio is a share of all steps, rounded up as transformers does; warmup_steps goes before it', () => {
  assert.deepEqual(ratesOf({ lr_scheduler_type: 'linear', warmup_ratio: 0.3 }, 6), [0, 0.5, 1, 0.75, 0.5, 0.25]);
  const both = ratesOf({ lr_scheduler_type: 'constant', warmup_steps: 1, warmup_ratio: 0.5 }, 4);
  assert.deepEqual(both, [0, 1, 1, 1]);
});

test('a warm-up longer than the run only warms up', () => {
  assert.deepEqual(ratesOf({ lr_scheduler_type: 'cosine', warmup_steps: 8 }, 4), [0, 0.125, 0.25, 0.375]);
});

test('steps: epochs over batches over accumulation, a last partial one included; max_steps goes before epochs', () => {
  const options = { ...plainOptions, per_device_train_batch_size: 4, gradient_accumulation_steps: 2 };
  assert.equal(totalSteps({ ...options, num_train_epochs: 3 }, 17), 9);
  assert.equal(totalSteps({ ...options, num_train_epochs: 0.5 }, 64), 4);
  assert.equal(totalSteps({ ...options, max_steps: 5 }, 17), 5);
});
