import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ArmResult } from './result.ts';
import { stalledArms } from './stall.ts';

/** Arms that answer these texts to rows with these answers. */
function stalled(
  expected: readonly string[],
  arms: Readonly<Record<string, readonly string[]>>,
  labels: readonly string[] | null = ['a', 'b', 'c'],
): readonly string[] {
  const rows = expected.map((right, index) => {
    const answers = Object.entries(arms).map(([name, texts]) => {
      const text = texts[index]!;
      return [name, { text, correct: text === right, probability: null, target_loss: 1, target_tokens: 1 }] as const;
    });
    return { index, input: '', expected: right, answers: Object.fromEntries(answers) };
  });
  return stalledArms({ arms: Object.keys(arms).map((name) => ({ name })) as unknown as ArmResult[], rows, labels });
}

const expected = ['a', 'a', 'a', 'b', 'c'];

test('an arm that answers one label to every row is named, whichever label that is', () => {
  const [first, second, ...more] = stalled(expected, {
    most: ['a', 'a', 'a', 'a', 'a'],
    rare: ['c', 'c', 'c', 'c', 'c'],
    good: ['a', 'a', 'a', 'b', 'b'],
  });
  assert.equal(first, 'most answers "a" to every row: it tells nothing apart.');
  assert.match(second!, /^rare answers "c"/);
  assert.equal(more.length, 0);
});

test("an arm whose accuracy is the majority class's share is named with that share", () => {
  const [only, ...more] = stalled(expected, { same: ['a', 'a', 'a', 'a', 'b'], worse: ['a', 'b', 'a', 'a', 'a'] });
  assert.match(only!, /^same is right in as many rows as always answering "a" would be \(60\.0 %\)/);
  assert.equal(more.length, 0);
});

test('rows that all have one answer say nothing of an arm, and no rows neither', () => {
  assert.deepEqual(stalled(['a', 'a'], { sure: ['a', 'a'] }), []);
  assert.deepEqual(stalled([], { none: [] }), []);
});

test('where texts are written, as many right ones as there are equal answers say nothing', () => {
  assert.deepEqual(stalled(['a', 'b', 'c'], { one: ['a', 'x', 'y'] }, null), []);
  assert.equal(stalled(['a', 'b', 'c'], { same: ['x', 'x', 'x'] }, null).length, 1);
});
