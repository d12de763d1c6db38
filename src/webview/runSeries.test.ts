import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvalEvent, StartEvent, StepEvent } from '../training/events.ts';
import { RunSeries } from './runSeries.ts';

const start = (resumed_from: number): StartEvent => ({
  event: 'start',
  total_steps: 10,
  resumed_from,
  epochs: 1,
  train_rows: 1,
  validation_rows: 1,
  trainable_parameters: 1,
  total_parameters: 1,
  device: 'cpu',
});
const step = (n: number, loss = n): StepEvent => ({
  event: 'step',
  step: n,
  epoch: 0,
  loss,
  learning_rate: 0.1,
  grad_norm: 1,
  tokens: 100,
  seconds: 0.5,
});
const evaluation = (n: number, loss: number): EvalEvent => ({ event: 'eval', step: n, loss, best: false, seconds: 1 });
const stepsOf = (series: RunSeries): number[] => series.steps.map((each) => each.step);

test('hearing the same events from disk and from the worker changes nothing', () => {
  const series = new RunSeries();
  const heard = [start(0), step(1), evaluation(1, 2), step(2)];
  series.add([...heard, ...heard, step(3)], null);
  assert.deepEqual(stepsOf(series), [1, 2, 3]);
  assert.deepEqual(
    series.evals.map((each) => each.step),
    [1],
  );
});

test('a resumed run goes on from its checkpoint: what came after it before is taken back', () => {
  const series = new RunSeries();
  series.add([start(0), step(1), step(2), step(3, 99), evaluation(3, 9), start(2), step(3, 0.5)], null);
  assert.deepEqual(
    series.steps.map(({ loss }) => loss),
    [1, 2, 0.5],
  );
  assert.deepEqual(series.evals, []);
});

test('pace and best validation come from the points', () => {
  const series = new RunSeries();
  assert.equal(series.tokensPerSecond(), null);
  assert.equal(series.best(), null);
  series.add([step(1), step(2), evaluation(1, 3), evaluation(2, 1), evaluation(3, 2)], null);
  assert.equal(series.tokensPerSecond(), 200);
  assert.equal(series.best()?.step, 2);
});
