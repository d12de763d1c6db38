import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RuleOptions, type TaskRule, taskRules } from './taskTensors.ts';

const combined = (
  rule: TaskRule,
  tensors: readonly (readonly number[])[],
  weights: readonly number[],
  options: Partial<RuleOptions> = {},
): number[] => {
  const whole: RuleOptions = {
    density: 1,
    majoritySign: 'total',
    mask: () => assert.fail('not asked for'),
    ...options,
  };
  return [
    ...rule(
      tensors.map((values) => Float64Array.from(values)),
      weights,
      whole,
    ),
  ];
};

test('linear is the weighted sum, whatever the signs', () => {
  assert.deepEqual(
    combined(
      taskRules.linear,
      [
        [1, 2],
        [3, -4],
      ],
      [0.5, -1],
    ),
    [-2.5, 5],
  );
});

test('magnitude_prune keeps the whole part of density n of the largest elements, of equals no more than there is room', () => {
  const prune = (values: number[], density: number) => combined(taskRules.magnitude_prune, [values], [2], { density });
  assert.deepEqual(prune([1, -5, 3, 0.5, 2], 0.5), [0, -10, 6, 0, 0]);
  assert.deepEqual(prune([1, -1, 1, 1], 0.5).filter((x) => x !== 0).length, 2);
  assert.deepEqual(prune([1, 2], 0), [0, 0]);
  assert.deepEqual(prune([1, 2], 1), [2, 4]);
  assert.deepEqual(prune([0, 0, 0, 4], 0.5), [0, 0, 0, 8]);
});

test('ties keeps what has the elected sign and takes the mean of it; a draw is positive', () => {
  const ties = (tensors: number[][], weights: number[], more: Partial<RuleOptions> = {}) =>
    combined(taskRules.ties, tensors, weights, more);
  assert.deepEqual(ties([[3], [-1], [1]], [1, 1, 2]), [2.5]);
  assert.deepEqual(ties([[3], [-1], [-1]], [1, 1, 1]), [3], 'by the sum of values');
  assert.deepEqual(ties([[3], [-1], [-1]], [1, 1, 1], { majoritySign: 'frequency' }), [-1], 'by the number of signs');
  assert.deepEqual(ties([[2], [-2]], [1, 1]), [2], 'a draw');
  assert.deepEqual(ties([[-2], [1]], [1, 5]), [-2], 'weights do not vote');
  assert.deepEqual(ties([[0], [0]], [1, 1]), [0], 'nothing agrees');
});

test('dare keeps what its mask says, over the density', () => {
  const mask = (index: number, length: number) => Uint8Array.from({ length }, (_, at) => Number(at % 2 === index));
  assert.deepEqual(
    combined(
      taskRules.dare_linear,
      [
        [1, 2],
        [3, 4],
      ],
      [1, 0.5],
      { density: 0.5, mask },
    ),
    [2, 4],
  );
  assert.deepEqual(
    combined(
      taskRules.dare_ties,
      [
        [1, -2],
        [3, 4],
      ],
      [1, 0.5],
      { density: 0.5, mask },
    ),
    [2, 4],
  );
  assert.deepEqual(combined(taskRules.dare_linear, [[1, 2]], [1], { density: 1 }), [1, 2], 'all');
  assert.deepEqual(
    combined(taskRules.dare_linear, [[1, 2]], [1], { density: 0, mask: (_, n) => new Uint8Array(n) }),
    [0, 0],
  );
});
