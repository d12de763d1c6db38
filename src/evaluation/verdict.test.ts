import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ArmResult, EvaluationResult } from './result.ts';
import { verdictOf } from './verdict.ts';

/** An evaluation of 20 rows in which each arm gets the first so many right. */
function evaluation(right: Readonly<Record<string, number>>): EvaluationResult {
  const kindOf = (name: string) => (name === 'base' ? 'base' : name.startsWith('soft') ? 'adapter' : 'hard_prompt');
  return {
    id: 'e',
    created: '',
    experiment: '',
    model: '',
    data: '',
    mode: 'choice',
    labels: null,
    metrics: [],
    arms: Object.keys(right).map(
      (name): ArmResult => ({
        ...{ name, kind: kindOf(name), detail: null, metrics: {}, confusion: null, wins: 0, losses: 0 },
        ...{ seconds: 0, trainable_parameters: 0, bytes: 0 },
      }),
    ),
    rows: Array.from({ length: 20 }, (_, index) => ({
      ...{ index, input: '', expected: '' },
      answers: Object.fromEntries(
        Object.entries(right).map(([name, count]) => [
          name,
          { text: '', correct: index < count, probability: null, target_loss: 0, target_tokens: 1 },
        ]),
      ),
    })),
  };
}

test('an adapter is measured against the best wording, and called better only when chance is unlikely', () => {
  const [better] = verdictOf(evaluation({ base: 2, plain: 8, poor: 3, soft: 18 }));
  assert.match(better ?? '', /^soft is better than plain, the best without it: 18 against 8 of 20 rows right, 10 rows/);
});

test('a good wording that does as well is named plainly', () => {
  const [same] = verdictOf(evaluation({ base: 2, plain: 17, soft: 18 }));
  assert.match(same ?? '', /plain does as well as soft: 18 against 17 of 20/);
});

test('an adapter that is worse is called worse', () => {
  assert.match(verdictOf(evaluation({ base: 19, soft: 2 }))[0] ?? '', /^soft is worse than base/);
});
