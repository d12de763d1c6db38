import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StartEvent, StepEvent } from '../training/events.ts';
import { progressOf, progressWords } from './progress.ts';

const start: StartEvent = {
  event: 'start',
  total_steps: 100,
  resumed_from: 0,
  epochs: 1,
  train_rows: 1,
  validation_rows: 0,
  trainable_parameters: 1,
  total_parameters: 1,
  device: 'cpu',
};
const step = (n: number, seconds: number): StepEvent => ({
  event: 'step',
  step: n,
  epoch: 0,
  loss: 1 / n,
  learning_rate: 0.1,
  grad_norm: 1,
  tokens: 100,
  seconds,
});

test('there is no progress before the first step', () => {
  assert.equal(progressOf([]), null);
  assert.equal(progressOf([start]), null);
});

test('time left follows the pace of the last steps only', () => {
  const slow = Array.from({ length: 30 }, (_, i) => step(i + 1, 10));
  const fast = Array.from({ length: 20 }, (_, i) => step(i + 31, 0.5));
  const progress = progressOf([start, ...slow, ...fast]);
  assert.equal(progress?.secondsLeft, 25);
  assert.equal(progress?.tokensPerSecond, 200);
});

test('a resumed run is judged by the steps after its resumption', () => {
  const progress = progressOf([start, step(40, 10), { ...start, resumed_from: 40 }, step(41, 1)]);
  assert.equal(progress?.secondsLeft, 59);
});

test('the words leave the time out when nothing is left', () => {
  assert.equal(progressWords(progressOf([start, step(50, 1)])!), 'step 50 of 100 · loss 0.020 · 50 s left');
  assert.equal(progressWords(progressOf([start, step(100, 1)])!), 'step 100 of 100 · loss 0.010');
});
