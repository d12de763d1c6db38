import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ArmResult, EvaluationResult } from '../evaluation/result.ts';
import type { TrainingEvent } from '../training/events.ts';
import { type ComparisonEngines, compareMethods, methodExperiments } from './compareMethods.ts';
import { comparisonTable } from './comparisonTable.ts';
import { type LoadedExperiment, parseExperiment } from './experimentFile.ts';

const env = { now: () => new Date('2026-11-23T01:45:00Z'), random: () => 0.1, pid: 1, user: 'ada', host: 'h' };
const store = mkdtempSync(join(tmpdir(), 'compare-'));
after(() => rmSync(store, { recursive: true }));

const loaded = parseExperiment(
  `model: m
data: {train: t.jsonl, validation: v.jsonl, test: e.jsonl}
method: {peft_type: LORA, r: 2}
training: {learning_rate: 0.01, loraplus_lr_ratio: 16, num_train_epochs: 2, seed: 7}
sweep: {training.learning_rate: [0.1, 0.2]}
`,
  '/w/kind.tune.yaml',
).loaded as LoadedExperiment;

test('the method of the file keeps its keys, others have their defaults, and all the rest is alike', () => {
  const found = methodExperiments(loaded, ['IA3', 'LORA', 'IA3'], { steps: 9 });
  assert.deepEqual(
    found.map(({ method }) => method),
    ['IA3', 'LORA'],
  );
  const [ia3, lora] = found.map(({ loaded: { experiment } }) => experiment);
  assert.deepEqual([lora!.training.learning_rate, lora!.training.loraplus_lr_ratio], [0.01, 16]);
  assert.deepEqual([ia3!.training.learning_rate, ia3!.training.loraplus_lr_ratio], [5e-5, undefined]);
  for (const { training, sweep, data } of [ia3!, lora!]) {
    assert.deepEqual([training.max_steps, training.seed, sweep], [9, 7, undefined]);
    assert.deepEqual(data, loaded.experiment.data);
  }
  assert.equal(methodExperiments(loaded, null, null)[0]!.method, 'LORA');
});

/** Trains a step every millisecond until it is told to stop. */
function endless(): ComparisonEngines {
  return {
    training: {
      async *train({ adapterFolder }, signal): AsyncGenerator<TrainingEvent> {
        const step = {
          event: 'step',
          epoch: 0,
          loss: 1,
          learning_rate: 1,
          grad_norm: 1,
          tokens: 1,
          seconds: 1,
        } as const;
        for (let n = 1; !signal.aborted; n++) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          yield { ...step, step: n };
        }
        const end = { reason: 'stopped', best_step: 1, best_loss: 1, seconds: 1, trainable_parameters: 1 } as const;
        yield { event: 'done', step: 1, ...end, adapter: adapterFolder };
      },
      check: async () => [],
    },
    evaluation: {
      evaluate: () => {
        throw new Error('nothing is evaluated of a comparison that was cancelled');
      },
    },
    residentBytes: () => 1,
    rateOf: null,
  };
}

test('a comparison that is cancelled ends after the step and leaves nothing', async () => {
  const controller = new AbortController();
  const methods = methodExperiments(loaded, ['LORA', 'IA3'], null);
  const events = compareMethods(endless(), { store, loaded, methods, budget: null }, controller.signal, env);
  let steps = 0;
  const all = async (): Promise<void> => {
    for await (const progress of events) {
      if ('event' in progress && progress.event.event === 'step' && ++steps === 3) controller.abort();
    }
  };
  await assert.rejects(all(), { name: 'AbortError' });
  assert.equal(steps, 3);
  assert.deepEqual(readdirSync(join(store, 'comparisons')), []);
});

/** An arm with a score and a size. */
const arm = (name: string, perplexity: number, bytes: number): ArmResult => ({
  ...{ name, kind: name === 'base' ? 'base' : 'adapter', detail: `/a/${name}`, metrics: { perplexity } },
  ...{ confusion: null, wins: 0, losses: 0, seconds: 0, trainable_parameters: bytes / 4, bytes },
});

test('on the front is what nothing beats in score, size and time together; lower is better for perplexity', () => {
  const training = (method: string, seconds: number, error: string | null = null) => ({
    ...{ method, adapter: error === null ? `/a/${method}` : null, learning_rate: 1, steps: 1, seconds, error },
    ...{ tokens_per_second: 1, memory_bytes: 1 },
  });
  const arms = [arm('base', 9, 0), arm('small', 5, 10), arm('slow', 5, 10), arm('large', 4, 99), arm('waste', 6, 50)];
  const trainings = [
    training('small', 1),
    training('slow', 2),
    training('large', 1),
    training('waste', 1),
    training('none', 0, 'why'),
  ];
  const evaluation = { metrics: ['perplexity'], arms } as unknown as EvaluationResult;
  const { metric, rows } = comparisonTable({ trainings, evaluation });
  assert.equal(metric, 'perplexity');
  assert.deepEqual(
    rows.map(({ name, pareto }) => [name, pareto]),
    [
      ['large', true],
      ['small', true],
      ['slow', false],
      ['waste', false],
      ['base', true],
      ['none', false],
    ],
  );
  assert.equal(rows.at(-1)!.error, 'why');
});
