import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planBatches, shuffled } from './batches.ts';
import { splitRows } from './split.ts';

/** Uniform draws from a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function take<T>(source: Iterator<T>, count: number): T[] {
  return Array.from({ length: count }, () => source.next().value as T);
}

const lengthsOf = (count: number, seed: number) => {
  const random = seeded(seed);
  return Array.from({ length: count }, () => 1 + Math.floor(random() * 200));
};

test('without shuffling: consecutive rows, around and around', () => {
  const never = () => assert.fail('drew a random number');
  const batches = planBatches({ lengths: [1, 9, 3, 7, 5], batchSize: 2, shuffle: false, random: never });
  assert.deepEqual(take(batches, 5), [
    [0, 1],
    [2, 3],
    [4, 0],
    [1, 2],
    [3, 4],
  ]);
});

test('shuffled: every epoch has every row once, in another order; the seed alone decides', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 16 }),
      fc.nat(),
      (count, batchSize, seed) => {
        const lengths = lengthsOf(count, seed);
        const plan = () => planBatches({ lengths, batchSize, shuffle: true, random: seeded(seed) });
        const perEpoch = Math.ceil(count / batchSize);
        const batches = take(plan(), 2 * perEpoch);
        for (const epoch of [batches.slice(0, perEpoch), batches.slice(perEpoch)]) {
          assert.deepEqual(
            epoch.flat().toSorted((a, b) => a - b),
            [...lengths.keys()],
          );
          assert.equal(epoch.filter((batch) => batch.length < batchSize).length, count % batchSize === 0 ? 0 : 1);
        }
        assert.deepEqual(take(plan(), 2 * perEpoch), batches);
      },
    ),
    { numRuns: 50 },
  );
});

test('shuffled: lengths within a batch are close, orders differ by epoch and by seed', () => {
  const lengths = lengthsOf(4000, 1);
  const epoch = (random: () => number, skip = 0) =>
    take(planBatches({ lengths, batchSize: 8, shuffle: true, random }), 500 + skip).slice(skip);
  const first = epoch(seeded(1));
  const waste = (batches: readonly (readonly number[])[]) => {
    const padded = batches.reduce((sum, b) => sum + b.length * Math.max(...b.map((i) => lengths[i]!)), 0);
    return padded / lengths.reduce((a, b) => a + b) - 1;
  };
  const unbucketed = Array.from({ length: 500 }, (_, i) => Array.from({ length: 8 }, (_, j) => i * 8 + j));
  assert.ok(waste(first) < waste(unbucketed) / 10, `${waste(first)} of ${waste(unbucketed)}`);
  assert.notDeepEqual(first, epoch(seeded(1), 500));
  assert.notDeepEqual(first, epoch(seeded(2)));
  // Not sorted by length: the mean length of the first and the last half of an epoch are alike.
  const mean = (batches: readonly (readonly number[])[]) => {
    const all = batches.flat().map((i) => lengths[i]!);
    return all.reduce((a, b) => a + b) / all.length;
  };
  assert.ok(Math.abs(mean(first.slice(0, 250)) - mean(first.slice(250))) < 15);
});

test('rows of the same length do not stay together', () => {
  const lengths = new Array(64).fill(7);
  const batches = planBatches({ lengths, batchSize: 4, shuffle: true, random: seeded(3) });
  const companions = take(batches, 160).filter((batch) => batch.includes(0));
  assert.ok(new Set(companions.flat()).size > 15);
});

test('a shuffle can reach every order', () => {
  const seen = new Set<string>();
  const random = seeded(4);
  for (let i = 0; i < 500; i++) seen.add(shuffled([1, 2, 3, 4], random).join());
  assert.equal(seen.size, 24);
});

test('a split has every row once, a part of the size asked for, and depends on the seed alone', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 300 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      fc.nat(),
      (n, share, seed) => {
        const { train, validation } = splitRows(n, share, seeded(seed));
        assert.deepEqual(
          [...train, ...validation].toSorted((a, b) => a - b),
          [...Array(n).keys()],
        );
        for (const part of [train, validation])
          assert.deepEqual(
            part,
            part.toSorted((a, b) => a - b),
          );
        assert.ok(train.length >= 1 && validation.length >= 1);
        assert.ok(Math.abs(validation.length - n * share) <= 1);
        assert.deepEqual(splitRows(n, share, seeded(seed)), { train, validation });
      },
    ),
  );
  assert.notDeepEqual(splitRows(100, 0.1, seeded(1)), splitRows(100, 0.1, seeded(2)));
});
