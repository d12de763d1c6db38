import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrialRecord } from './sweepStore.ts';
import { sweepTable, sweepVerdict } from './sweepTable.ts';

const combinations = [{ a: 0 }, { a: 1 }, { a: 2 }, { a: 3 }];
const trial = (...losses: number[]): TrialRecord => ({
  rungs: losses.map((loss, i) => ({ step: 10 * (i + 1), loss, best_step: 1, trainable_parameters: 4 })),
  error: null,
});

test('what was trained to the end comes before what ended at a rung, and higher rungs first', () => {
  const plan = { combinations, seeds: [1], rungs: [0.1, 0.5, 1], reduction: 3 };
  const failed = { rungs: [], error: 'it broke' };
  const rows = sweepTable(plan, [[trial(0.1)], [trial(0.9, 0.8, 0.7)], [trial(0.5, 0.4)], [failed]]);
  assert.deepEqual(
    rows.map(({ rank, combination, state, loss, steps }) => [rank, combination, state, loss, steps]),
    [
      [1, 1, 'finished', 0.7, 30],
      [2, 2, 'ended', 0.4, 20],
      [3, 0, 'ended', 0.1, 10],
      [4, 3, 'failed', null, 0],
    ],
  );
  assert.equal(rows[3]!.error, 'it broke');
});

test('a lead of one lucky seed is called chance', () => {
  const plan = { combinations: combinations.slice(0, 2), seeds: [1, 2, 3], rungs: [1], reduction: 3 };
  // By its first seed alone the second combination would be far ahead.
  const rows = sweepTable(plan, [
    [trial(0.5), trial(0.5), trial(0.51)],
    [trial(0.1), trial(0.62), trial(0.6)],
  ]);
  assert.equal(rows[0]!.combination, 1);
  assert.match(sweepVerdict(rows, 3), /within what 3 seeds differ by chance: take either/);
  const [alone] = [sweepTable({ ...plan, seeds: [1] }, [[trial(0.5)], [trial(0.1)]])];
  assert.match(sweepVerdict(alone, 1), /rests on one seed/);
  const clear = sweepTable(plan, [
    [trial(0.5), trial(0.5), trial(0.51)],
    [trial(0.1), trial(0.12), trial(0.11)],
  ]);
  assert.match(sweepVerdict(clear, 3), /better than the next by 0.3933/);
});
