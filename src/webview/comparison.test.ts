import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ArmResult, EvaluationResult, RowAnswer } from '../evaluation/result.ts';
import { bestArms, disagrees, RowFilter } from './comparison.ts';

const arm = (name: string, metrics: ArmResult['metrics']): ArmResult => ({
  name,
  kind: 'adapter',
  detail: null,
  metrics,
  confusion: null,
  wins: 0,
  losses: 0,
  seconds: 0,
  trainable_parameters: 0,
  bytes: 0,
});
const answer = (text: string): RowAnswer => ({
  text,
  correct: false,
  probability: null,
  target_loss: 0,
  target_tokens: 1,
});
const row = (index: number, input: string, base: string, tuned: string) => ({
  index,
  input,
  expected: 'fix',
  answers: { base: answer(base), tuned: answer(tuned) },
});

test('the best arm has the most of a score and the least perplexity; equals are all best', () => {
  const arms = [
    arm('a', { accuracy: 0.9, perplexity: 3 }),
    arm('b', { accuracy: 0.9, perplexity: 2 }),
    arm('c', { accuracy: 0.1 }),
  ];
  assert.deepEqual([...bestArms(arms, 'accuracy')], ['a', 'b']);
  assert.deepEqual([...bestArms(arms, 'perplexity')], ['b']);
});

test('a metric that applies to no arm, or is no number, has no best', () => {
  assert.equal(bestArms([arm('a', { accuracy: null })], 'accuracy').size, 0);
  assert.equal(bestArms([arm('a', { perplexity: Number.NaN })], 'perplexity').size, 0);
});

test('arms disagree when an answer differs in more than blanks', () => {
  assert.equal(disagrees(row(0, 'x', 'fix', ' fix')), false);
  assert.equal(disagrees(row(0, 'x', 'fix', 'docs')), true);
});

test('rows are found by input, expected answer and any arm, in any case, and by disagreement', () => {
  const rows = [
    row(0, 'Repair it', 'fix', 'fix'),
    row(1, 'Describe it', 'docs', 'fix'),
    row(2, 'repair again', 'chore', 'fix'),
  ];
  const filter = new RowFilter({ rows } as unknown as EvaluationResult);
  const found = (text: string, only = false): number[] => filter.rows(text, only).map(({ index }) => index);
  assert.deepEqual(found(''), [0, 1, 2]);
  assert.deepEqual(found(' REPAIR '), [0, 2]);
  assert.deepEqual(found('chore'), [2]);
  assert.deepEqual(found('', true), [1, 2]);
  assert.deepEqual(found('repair', true), [2]);
});
