import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ArmResult, EvaluationResult } from '../evaluation/result.ts';
import { failedMethods, methodsTable } from './methodsTable.ts';

const arm = (name: string, accuracy: number, bytes: number): ArmResult => ({
  ...{ name, kind: name === 'base' ? 'base' : 'adapter', detail: name === 'base' ? null : `/a/${name}` },
  ...{ metrics: { accuracy }, confusion: null, wins: 0, losses: 0, seconds: 1, trainable_parameters: 0, bytes },
});
const training = (method: string, error: string | null) => ({
  ...{ method, adapter: error === null ? `/a/${method}` : null, learning_rate: 0.01, steps: 9, seconds: 2 },
  ...{ tokens_per_second: 1500, memory_bytes: 2 ** 28, error },
});
const evaluation = {
  metrics: ['accuracy'],
  arms: [arm('base', 0.1, 0), arm('LORA', 0.9, 99)],
} as unknown as EvaluationResult;
const textsOf = (trainings: readonly ReturnType<typeof training>[]) =>
  methodsTable({ trainings, evaluation }).rows.map(({ name, cells }) => [name, ...cells.map(({ text }) => text)]);

test('methods stand by their score, with the front marked and what was not trained left open', () => {
  assert.deepEqual(textsOf([training('LORA', null)]), [
    ['LORA', '0.900', '●', '0.01', '9', '2 s', '1\u2009500', '256 MB'],
    ['base', '0.100', '●', '–', '–', '–', '–', '–'],
  ]);
});

test('a method that could not be trained has no row and says why', () => {
  const trainings = [training('LORA', null), training('IA3', 'it has no such layer.')];
  assert.deepEqual(
    textsOf(trainings).map(([name]) => name),
    ['LORA', 'base'],
  );
  assert.deepEqual(failedMethods({ trainings, evaluation }), ['IA3 was not trained: it has no such layer.']);
});
