import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Random } from '../foundation/random.ts';
import { stratifiedSplit } from './split.ts';

const drawn = (seed: number) => {
  const random = Random.of(seed, 'split');
  return () => random.uniform();
};

test('each label has its share on both sides', () => {
  const kinds = [
    ...new Array<string>(80).fill('a'),
    ...new Array<string>(16).fill('b'),
    ...new Array<string>(4).fill('c'),
  ];
  const { validation, train } = stratifiedSplit(kinds, 0.25, drawn(1));
  const count = (rows: readonly number[], kind: string) => rows.filter((i) => kinds[i] === kind).length;
  assert.deepEqual(
    ['a', 'b', 'c'].map((kind) => count(validation, kind)),
    [20, 4, 1],
  );
  assert.equal(train.length + validation.length, 100);
  assert.deepEqual(stratifiedSplit(kinds, 0.25, drawn(1)), { validation, train });
  assert.notDeepEqual(stratifiedSplit(kinds, 0.25, drawn(2)).validation, validation);
});

test('whatever the rows are, none is lost or doubled, and a kind of two rows is on both sides', () => {
  const kinds = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 2, maxLength: 60 });
  fc.assert(
    fc.property(kinds, fc.double({ min: 0.01, max: 0.99, noNaN: true }), fc.nat(), (rows, share, seed) => {
      const { validation, train } = stratifiedSplit(rows, share, drawn(seed));
      assert.deepEqual(
        [...train, ...validation].sort((a, b) => a - b),
        rows.map((_, i) => i),
      );
      for (const kind of new Set(rows)) {
        if (rows.filter((row) => row === kind).length < 2) continue;
        assert.ok(validation.some((i) => rows[i] === kind) && train.some((i) => rows[i] === kind), kind);
      }
    }),
  );
});
