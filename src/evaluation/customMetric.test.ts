import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { customFigure } from './customMetric.ts';

const rows = [
  { input: 'a', expected: 'x', answer: 'x' },
  { input: 'b', expected: 'x', answer: 'xyz' },
];
const going = new AbortController().signal;

/** What a module of this text makes of the rows. */
async function figureOf(text: string, signal = going, limit?: number): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'softprompt-metric '));
  try {
    const file = join(dir, 'metric.mjs');
    await writeFile(file, text);
    return await customFigure({ name: 'mine', file }, rows, signal, limit);
  } finally {
    await rm(dir, { recursive: true });
  }
}

test('a module gives a figure, at once or later', async () => {
  const mean = 'rows.reduce((sum, { answer }) => sum + answer.length, 0) / rows.length';
  assert.equal(await figureOf(`export function metric(rows) { return ${mean}; }`), 2);
  assert.equal(await figureOf(`export const metric = async (rows) => ${mean};`), 2);
  assert.equal(await figureOf("console.log('noise'); export const metric = (rows) => rows.length;"), 2);
});

test('a module that fails is told by its line and the row it looked at', async () => {
  const text = [
    'export function metric(rows) {',
    '  return rows.map(({ answer }) => {',
    "    if (answer === 'xyz') throw new Error('too long');",
    '    return 1;',
    '  }).length;',
    '}',
  ].join('\n');
  await assert.rejects(figureOf(text), (error) => {
    assert.ok(SoftpromptError.is(error, 'metric-failed'));
    assert.equal(error.details.line, 3);
    assert.equal(error.details.row, 2);
    assert.match(error.message, /metric\.mjs, line 3: the metric mine fails: too long \(at test row 2\)\./);
    return true;
  });
});

for (const [what, text, words] of [
  ['is no number', 'export const metric = () => "3";', /gives 3, which is no finite number/],
  ['is not a number', 'export const metric = () => Number.NaN;', /gives NaN/],
  ['is endless', 'export const metric = () => 1 / 0;', /gives Infinity/],
  ['is missing', 'export const metrics = () => 1;', /exports no function called metric/],
  ['cannot be read', 'export const metric = (', /fails: /],
  ['ends the thread', 'export const metric = () => process.exit(0);', /ends its thread/],
  ['never comes', 'export const metric = () => new Promise(() => {});', /ends its thread|within/],
  ['throws what is no error', 'export const metric = () => { throw null; };', /fails: null/],
] as const) {
  test(`a figure that ${what} is a typed error`, async () => {
    await assert.rejects(figureOf(text, going, 5000), (error) => {
      assert.ok(SoftpromptError.is(error, 'metric-failed'), String(error));
      assert.match(error.message, words);
      return true;
    });
  });
}

test('a module without an end is stopped, by time or by whoever waits', async () => {
  const endless = 'export const metric = () => { for (;;); };';
  await assert.rejects(figureOf(endless, going, 300), /within 0\.3 s/);
  const stopping = new AbortController();
  setTimeout(() => stopping.abort(), 200);
  const began = performance.now();
  await assert.rejects(figureOf(endless, stopping.signal), (error) => SoftpromptError.is(error, 'cancelled'));
  assert.ok(performance.now() - began < 5000);
});
