import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatCount, formatFigure, formatSeconds, formatShare, oneLine } from './figures.ts';

test('sizes, times and counts read as a person writes them', () => {
  assert.deepEqual([0, 1536, 12_392, 8_000_000].map(formatBytes), ['0.0 KB', '1.5 KB', '12 KB', '7.6 MB']);
  assert.deepEqual([0.4, 59.4, 60, 125, 3780].map(formatSeconds), ['0 s', '59 s', '1 min', '2 min 5 s', '1 h 3 min']);
  assert.equal(formatCount(2_656_704), '2\u2009656\u2009704');
});

test('a figure keeps three digits, and numbers that are none keep their name', () => {
  assert.deepEqual([0.001234, 0.12345, 12.345, 123.45, 1234.5].map(formatFigure), [
    '0.0012',
    '0.123',
    '12.3',
    '123',
    '1\u2009235',
  ]);
  assert.equal(formatFigure(Number.NaN), 'NaN');
  assert.equal(formatFigure(Number.POSITIVE_INFINITY), 'Infinity');
});

test('a share is never rounded to certain or impossible', () => {
  assert.deepEqual([0, 0.001, 0.5, 0.999, 1].map(formatShare), ['0 %', '<1 %', '50 %', '>99 %', '100 %']);
});

test('a text in one line shows its line ends and is cut by whole characters', () => {
  assert.equal(oneLine(' a \r\n b\n', 20), 'a ⏎ b');
  assert.equal(oneLine('😀😀😀😀', 3), '😀😀…');
});
