import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../foundation/random.ts';
import { paretoFront } from './paretoFront.ts';

type Thing = readonly (number | null)[];
const front = (things: readonly Thing[]): readonly Thing[] => [
  ...paretoFront(things, (thing) => (thing.includes(null) ? null : (thing as readonly number[]))),
];

test('what is beaten in nothing is on the front; equals are on it together', () => {
  const [cheap, good, worse, twin, same] = [
    [1, -1],
    [3, -5],
    [2, -5],
    [3, -5],
    [1, -1],
  ] as const;
  assert.deepEqual(front([cheap, good, worse, twin, same]), [cheap, good, twin, same]);
  assert.deepEqual(front([]), []);
  assert.deepEqual(front([[0]]), [[0]]);
});

test('a thing without figures, or with one that is no number, is not on it and beats nothing', () => {
  assert.deepEqual(
    front([
      [null, 0],
      [Number.NaN, 9],
      [1, 1],
    ]),
    [[1, 1]],
  );
  assert.deepEqual(
    front([
      [Number.POSITIVE_INFINITY, 0],
      [5, 0],
    ]),
    [[Number.POSITIVE_INFINITY, 0]],
  );
});

test('nothing on it is beaten, and everything off it is', () => {
  const random = Random.of(7, 'front');
  for (let round = 0; round < 50; round++) {
    const things = Array.from({ length: 12 }, () => Array.from({ length: 3 }, () => random.integer(5)));
    const on = paretoFront(things, (thing) => thing);
    const beats = (a: readonly number[], b: readonly number[]): boolean =>
      a.every((x, i) => x >= b[i]!) && a.some((x, i) => x > b[i]!);
    for (const thing of things) {
      assert.equal(on.has(thing), !things.some((other) => beats(other, thing)), `${thing}`);
    }
    assert.ok(on.size > 0);
  }
});
