import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StepEvent, TrainingEvent } from '../training/events.ts';
import { trainingSeconds, trainingSpeed } from './trainingSpeed.ts';

const step = (tokens: number, seconds: number): StepEvent => ({
  ...{ event: 'step', step: 1, epoch: 0, loss: 1, learning_rate: 1, grad_norm: 1 },
  ...{ tokens, seconds },
});
const validation: TrainingEvent = { event: 'eval', step: 1, loss: 1, best: true, seconds: 100 };

test('tokens a second are those of the steps after the first, without validations', () => {
  assert.equal(trainingSpeed([step(100, 10), step(100, 1), validation, step(50, 0.5)]), 100);
  assert.equal(trainingSpeed([step(100, 10)]), 10);
  assert.equal(trainingSpeed([validation]), null);
});

test('a training took the time of its steps and validations', () => {
  assert.equal(trainingSeconds([step(100, 10), validation, step(50, 0.5)]), 110.5);
  assert.equal(trainingSeconds([validation]), null);
});
