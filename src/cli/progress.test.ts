import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { TrainingEvent } from '../training/events.ts';
import { duration, TrainingProgress } from './progress.ts';
import { formatTable } from './table.ts';

function events(total: number): TrainingEvent[] {
  const facts = {
    epochs: 1,
    train_rows: 1,
    validation_rows: 1,
    trainable_parameters: 3072,
    total_parameters: 2_758_080,
  };
  const device = { device: 'cpu', device_reason: 'asked for' };
  const all: TrainingEvent[] = [{ event: 'start', total_steps: total, resumed_from: 0, ...device, ...facts }];
  for (let step = 1; step <= total; step++) {
    all.push({ event: 'step', step, epoch: 0, loss: 2, learning_rate: 1, grad_norm: 1, tokens: 1, seconds: 0.5 });
  }
  all.push({ event: 'eval', step: total, loss: 1.5, best: true, seconds: 1 });
  return all;
}

/** What a progress writes, as lines on standard error and as drawings over itself. */
function shown(isTerminal: boolean, total = 20): { lines: string[]; drawn: string[] } {
  const lines: string[] = [];
  const drawn: string[] = [];
  const progress = new TrainingProgress({
    out: () => assert.fail('progress is no result'),
    note: (line) => void lines.push(line),
    draw: isTerminal ? (text) => void drawn.push(text) : null,
    columns: 60,
  });
  for (const event of events(total)) progress.show(event);
  return { lines, drawn };
}

test('on a terminal every step draws over the one before, within its width', () => {
  const { lines, drawn } = shown(true);
  const bars = drawn.filter((text) => text.includes('loss'));
  assert.equal(bars.length, 20);
  assert.match(bars[9] ?? '', /^\r█+░+ {2}10\/20 {2}loss 2\.0000 {2}2\.00 steps\/s {2}5 s left/);
  for (const text of drawn) assert.ok(stripVTControlCharacters(text).trim().length <= 60, text);
  assert.deepEqual(lines, [
    '3072 trained parameters (0.11 %) on cpu (asked for)',
    'step 20: validation loss 1.5000, the best so far',
  ]);
});

test('elsewhere about ten plain lines, and nothing is drawn', () => {
  const { lines } = shown(false, 100);
  assert.equal(lines.filter((line) => line.includes('steps/s')).length, 10);
  assert.ok(lines.every((line) => !line.includes('\r')));
});

test('durations read as a person says them', () => {
  assert.deepEqual([0.4, 59, 61, 3700].map(duration), ['0 s', '59 s', '1 min 1 s', '1 h 1 min']);
});

test('a table has its names left, its figures right and a rule under its heading', () => {
  assert.deepEqual(
    formatTable([
      ['arm', 'f1'],
      ['base', '0.5'],
      ['x', '10.25'],
    ]),
    ['arm      f1', '----  -----', 'base    0.5', 'x     10.25'],
  );
});
