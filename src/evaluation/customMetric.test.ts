import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { customFigure, customResamples } from './customMetric.ts';
import { compareCustomPairs } from './pairs.ts';
import type { ArmResult } from './result.ts';
import { customVerdicts } from './verdicts.ts';

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

test("a metric of one's own is drawn again as the published bootstrap is, every arm alike", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'softprompt-metric '));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, 'mean.mjs');
  await writeFile(
    file,
    'export const metric = (rows) => rows.reduce((sum, { answer }) => sum + Number(answer), 0) / rows.length;',
  );
  // Efron and Tibshirani (1993), table 2.1: survival of 7 treated mice, mean 86.86, standard error 23.36 by the bootstrap.
  const days = [94, 197, 16, 38, 99, 141, 23];
  const arms = Object.entries({ base: days.map(() => 0), treated: days, again: days }).map(([name, answers]) => ({
    name,
    rows: answers.map((days) => ({
      expected: '',
      answer: { text: String(days), correct: false, probability: null, target_loss: 0, target_tokens: 1 },
    })),
  }));
  const asked = arms.map((arm) => arm.rows.map(({ answer }) => ({ input: '', expected: '', answer: answer.text })));
  const resampled = () => customResamples({ name: 'mean', file }, asked, Random.of(3, 'bootstrap'), going);
  const drawn = await resampled();
  assert.deepEqual(await resampled(), drawn);
  const scores = await Promise.all(asked.map((each) => customFigure({ name: 'mean', file }, each, going)));
  const pairs = compareCustomPairs(arms, 'mean', scores, drawn);
  const of = (a: string, b: string) => pairs.find((pair) => pair.a === a && pair.b === b)!;
  const pair = of('treated', 'base');
  assert.ok(Math.abs(pair.difference - 86.857) < 1e-3);
  // Of 2,000 draws a standard error is 1.6 % off (one standard error), a percentile 1.4 days.
  assert.ok(Math.abs(pair.detectable / (2.39398 + 0.841621) - 23.36) < 1.2, String(pair.detectable));
  assert.ok(Math.abs(pair.low - 43.43) < 5 && Math.abs(pair.high - 134.43) < 5, `${pair.low} ${pair.high}`);
  // On 7 rows that differ no exchange of the arms is surer than 2 / 2^7.
  assert.equal(pair.p, 2 / 2 ** 7);
  // Arms are drawn alike: what is the same on every row differs on no resample.
  assert.deepEqual([of('again', 'treated').low, of('again', 'treated').high, of('again', 'treated').p], [0, 0, 1]);
  const results = arms.map(({ name }) => ({ name, kind: name === 'base' ? 'base' : 'adapter' }) as ArmResult);
  assert.deepEqual(
    customVerdicts(results, pairs, 'mean', 7).map((line) => line.replace(/[\d.]+ to [\d.]+/, 'X to Y')),
    ['treated', 'again'].map(
      (name) =>
        `${name} differs from base in mean by +86.9, 95 % CI X to Y (7 rows; p = 0.047 corrected over 3 pairs).`,
    ),
  );
});

test('a metric that is too slow to be drawn again gives no intervals', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'softprompt-metric '));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, 'slow.mjs');
  await writeFile(
    file,
    'export const metric = (rows) => { const until = performance.now() + 40; while (performance.now() < until); return 1; };',
  );
  assert.deepEqual(await customResamples({ name: 'slow', file }, [rows, rows], Random.of(1, 'x'), going, 500), []);
});
