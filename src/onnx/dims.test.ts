import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { broadcast, type Dim, positiveAxis, product, sameDims, sum } from './dims.ts';

const sizes: Readonly<Record<string, number>> = { batch: 3, past: 7, time: 5, virtual: 11 };
const atoms = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(...Object.keys(sizes)));

/** Dimensions as graphs make them: sums and products of sums and products. */
const dims: fc.Arbitrary<Dim> = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    atoms,
    fc.array(tie('dim'), { maxLength: 3 }).map(sum),
    fc.array(tie('dim'), { maxLength: 3 }).map(product),
  ),
})).dim;

/** What a dimension comes to, by JavaScript's own arithmetic. */
function worth(dim: Dim): number {
  return Number(new Function(...Object.keys(sizes), `return ${dim}`)(...Object.values(sizes)));
}

test('a sum is worth the sum, a product the product', () => {
  fc.assert(
    fc.property(fc.array(dims, { maxLength: 4 }), (parts) => {
      const values = parts.map(worth);
      assert.equal(
        worth(sum(parts)),
        values.reduce((a, b) => a + b, 0),
      );
      assert.equal(
        worth(product(parts)),
        values.reduce((a, b) => a * b, 1),
      );
    }),
  );
});

test('equal dimensions are written equally: order and grouping do not matter, products distribute over sums', () => {
  fc.assert(
    fc.property(dims, dims, dims, (a, b, c) => {
      assert.equal(sum([a, b]), sum([b, a]));
      assert.equal(product([a, b]), product([b, a]));
      assert.equal(sum([a, sum([b, c])]), sum([a, b, c]));
      assert.equal(product([a, product([b, c])]), product([a, b, c]));
      assert.equal(product([a, sum([b, c])]), sum([product([a, b]), product([a, c])]));
    }),
  );
});

test('unequal dimensions are written differently', () => {
  assert.notEqual(product([2, sum(['past', 'time'])]), sum([product([2, 'past']), 'time']));
  assert.notEqual(product(['batch', 'time']), product(['batch', 'batch']));
  assert.notEqual(sum(['time', 1]), 'time');
});

test('dimensions read as one would write them', () => {
  assert.equal(product([4, 'time', 2]), '8*time');
  assert.equal(product([]), 1);
  assert.equal(product([0, 'time']), 0);
  assert.equal(sum([20, 'time', 1]), 'time+21');
  assert.equal(sum(['past', 'time']), 'past+time');
  assert.equal(sum(['time', 'time']), '2*time');
  assert.equal(sum([]), 0);
});

test('broadcasting follows the rule of NumPy', () => {
  assert.deepEqual(broadcast([2, 1, 3], ['time', 1]), [2, 'time', 3]);
  assert.deepEqual(broadcast([], ['batch']), ['batch']);
  assert.equal(broadcast([2, 3], [2]), null);
  assert.equal(broadcast(['batch'], ['time']), null);
  fc.assert(
    fc.property(fc.array(fc.constantFrom<Dim>(1, 2, 3, 'batch'), { maxLength: 4 }), (shape) => {
      assert.deepEqual(broadcast(shape, shape), shape);
      assert.deepEqual(broadcast(shape, []), shape);
    }),
  );
});

test('shapes are the same when they have the same dimensions in the same places', () => {
  assert.ok(sameDims(['batch', 2], ['batch', 2]));
  assert.ok(!sameDims(['batch', 2], ['batch']));
  assert.ok(!sameDims([2], ['batch']));
});

test('a negative axis counts from the back', () => {
  assert.equal(positiveAxis(-1, 3), 2);
  assert.equal(positiveAxis(1, 3), 1);
});
