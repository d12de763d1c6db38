import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SweepRow } from '../experiments/sweepTable.ts';
import { sweepDocument } from './sweepDocument.ts';

const row = (rank: number, settings: SweepRow['settings'], more: Partial<SweepRow> = {}): SweepRow => ({
  ...{ rank, combination: rank - 1, settings, state: 'finished', steps: 20, losses: [rank], loss: rank, spread: null },
  ...{ trainable_parameters: 3072, error: null, ...more },
});

test('the best comes first under what may be said of it, and each failure says why', () => {
  const rows = [
    row(1, { 'training.learning_rate': 0.3, 'method.init': 'a|b' }),
    row(
      2,
      { 'training.learning_rate': 9, 'method.init': '<i>*' },
      { state: 'failed', loss: null, error: 'lost\n it_' },
    ),
    row(3, { 'training.learning_rate': 1, 'method.init': 'c' }, { state: 'waiting' }),
  ];
  const text = sweepDocument('kind', { id: 's', finished: true, adapter: '/a/kind/1', rows, seeds: 1 });
  assert.match(text, /^# Sweep of kind\n\nThe order rests on one seed/);
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  assert.deepEqual(lines, [
    '| rank | training.learning\\_rate | method.init | loss | steps | parameters | state |',
    '| ---: | --- | --- | --- | --- | --- | --- |',
    '| 1 | 0.3 | a\\|b | 1.0000 | 20 | 3,072 | finished |',
    '| 2 | 9 | \\<i\\>\\* | - | 20 | 3,072 | failed |',
  ]);
  assert.match(text, /- rank 2: lost it\\_\n/);
  assert.match(text, /`\/a\/kind\/1`/);
});

test('a sweep that was stopped says how to go on', () => {
  const text = sweepDocument('kind', { id: 's', finished: false, adapter: null, rows: [row(1, { x: 1 })], seeds: 1 });
  assert.match(text, /Stopped before its end/);
  assert.doesNotMatch(text, /adapter:/);
});
