import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../foundation/random.ts';
import type { Judged } from './metrics/rowSums.ts';
import { comparePairs } from './pairs.ts';
import type { ArmResult } from './result.ts';
import { signTest } from './signTest.ts';
import { verdictsOf } from './verdicts.ts';

/** A signal that stops nothing. */
const never = new AbortController().signal;

const row = (correct: boolean, loss = 1): Judged => ({
  expected: 'x',
  answer: {
    ...{ text: correct ? 'x' : 'y', correct, probability: null },
    ...{ target_loss: loss, target_tokens: 1, target_bytes: 1 },
  },
});
const arm = (name: string, right: readonly boolean[]) => ({ name, rows: right.map((correct) => row(correct)) });
const accuracyOf = (rows: readonly Judged[]) => rows.filter(({ answer }) => answer.correct).length / rows.length;
const resultOf = ({ name, rows }: ReturnType<typeof arm>, kind: ArmResult['kind']): ArmResult => ({
  ...{ name, kind, detail: null, confusion: null, wins: 0, losses: 0, seconds: 0 },
  ...{ trainable_parameters: 0, bytes: 0, metrics: { accuracy: accuracyOf(rows) } },
});

test('right and wrong answers are compared by the exact test of McNemar', async () => {
  // Agresti, Categorical Data Analysis (2013), section 11.1.2: of 1600 voters 150 and 86 changed their minds, P < 0.0001.
  assert.ok(signTest(150, 86) < 1e-4);
  // 9 against 1: 2 (1 + 10) / 2^10 by the binomial distribution.
  const [a, b] = [
    arm('a', [...new Array<boolean>(9).fill(true), false, ...new Array<boolean>(10).fill(true)]),
    arm('b', [...new Array<boolean>(9).fill(false), true, ...new Array<boolean>(10).fill(true)]),
  ];
  const [pair] = await comparePairs([b, a], 'accuracy', null, 1, never);
  assert.deepEqual([pair!.a, pair!.b, pair!.wins, pair!.losses, pair!.ties, pair!.odds], ['a', 'b', 9, 1, 10, 9]);
  assert.ok(Math.abs(pair!.p - 22 / 1024) < 1e-12);
  assert.ok(Math.abs(pair!.difference - 0.4) < 1e-12);
  assert.ok(
    pair!.low > 0.1 && pair!.low < 0.25 && pair!.high > 0.55 && pair!.high < 0.75,
    `${pair!.low} ${pair!.high}`,
  );
});

test('the bootstrap spreads as the published one does', async () => {
  // Efron and Tibshirani (1993), table 2.1: mean survival of 7 treated mice, 86.86, standard error 23.36 by the bootstrap.
  const days = [94, 197, 16, 38, 99, 141, 23];
  const treated = { name: 'treated', rows: days.map((x) => row(true, x * Math.LN2)) };
  const nothing = { name: 'nothing', rows: days.map(() => row(true, 0)) };
  const [pair] = await comparePairs([nothing, treated], 'bits_per_byte', null, 3, never);
  assert.ok(Math.abs(pair!.difference - 86.857) < 1e-3);
  const error = pair!.detectable / (1.959964 + 0.841621);
  assert.ok(Math.abs(error - 23.36) < 1.2, String(error));
  assert.deepEqual(await comparePairs([nothing, treated], 'bits_per_byte', null, 3, never), [pair]);
  // All 7^7 resamples counted: 2.5 % of their means are 43.43 or less, 2.5 % are 134.43 or more. A percentile of 10,000 draws is
  // 0.6 days off (one standard error); the published 45.9 and 135.4 (table 13.1) are of 1000 draws, 2 days off.
  for (const [found, counted, published] of [
    [pair!.low, 43.43, 45.9],
    [pair!.high, 134.43, 135.4],
  ] as const) {
    assert.ok(Math.abs(found - counted) < 2 * 0.6, String(found));
    assert.ok(Math.abs(found - published) < 2 * 2, String(found));
  }
});

test("p values are corrected over the pairs, by Holm's steps", async () => {
  const right = (count: number) => Array.from({ length: 40 }, (_, i) => i < count);
  const pairs = await comparePairs(
    [arm('a', right(10)), arm('b', right(18)), arm('c', right(40))],
    'accuracy',
    null,
    1,
    never,
  );
  const sorted = [...pairs].sort((x, y) => x.p - y.p);
  assert.deepEqual(
    sorted.map(({ p_corrected }) => p_corrected),
    [3 * sorted[0]!.p, Math.max(3 * sorted[0]!.p, 2 * sorted[1]!.p), Math.max(2 * sorted[1]!.p, sorted[2]!.p)],
  );
});

test('a planted fluke, two arms that are equally good on few rows, is not called better', async () => {
  let called = 0;
  for (let seed = 0; seed < 40; seed++) {
    const random = Random.of(seed, 'fluke');
    const drawn = () => Array.from({ length: 30 }, () => random.uniform() < 0.7);
    const [base, adapter] = [arm('base', drawn()), arm('adapter', drawn())];
    const pairs = await comparePairs([base, adapter], 'accuracy', null, seed, never);
    const arms = [resultOf(base, 'base'), resultOf(adapter, 'adapter')];
    const [sentence] = verdictsOf(arms, pairs, 'accuracy', 30);
    if (!sentence!.startsWith('These 30 rows cannot tell adapter from base')) called++;
  }
  // One in twenty is what the level allows; the exact test stays under it.
  assert.ok(called <= 3, `${called} of 40`);
});

test('a verdict says by how much, how sure, and on how many rows', async () => {
  const [base, adapter] = [
    arm(
      'base',
      Array.from({ length: 200 }, (_, i) => i < 120),
    ),
    arm(
      'adapter',
      Array.from({ length: 200 }, (_, i) => i < 160),
    ),
  ];
  const pairs = await comparePairs([base, adapter], 'accuracy', null, 1, never);
  const arms = [resultOf(base, 'base'), resultOf(adapter, 'adapter')];
  const [better] = verdictsOf(arms, pairs, 'accuracy', 200);
  assert.match(
    better!,
    /^adapter is better than base, the best without it, by 20\.0 points of accuracy, 95 % CI 1\d\.\d to 2\d\.\d \(200 rows, 40 won and 0 lost; p = 1\.8e-12\)\.$/,
  );
  const [same] = verdictsOf(
    arms,
    await comparePairs([base, { ...base, name: 'adapter' }], 'accuracy', null, 1, never),
    'accuracy',
    200,
  );
  assert.match(
    same!,
    /cannot tell adapter from base: 0\.0 points .* they could show a difference of at least 3\.9 points/,
  );
});

test('exact matches are right or wrong too, and get the exact test', async () => {
  const [base, adapter] = [arm('base', [false, false, false, false, true]), arm('adapter', new Array(5).fill(true))];
  const [pair] = await comparePairs([base, adapter], 'exact_match', null, 1, never);
  assert.equal(pair!.p, signTest(4, 0));
  assert.deepEqual([pair!.wins, pair!.losses], [4, 0]);
});

test('a planted fluke of texts, better in each of a few rows, is not called better', async () => {
  // Resamples of four rows that are all better are better too, and would be called certain.
  const four = (text: string) => Array.from({ length: 4 }, () => ({ ...row(false), expected: 'a red dog', text }));
  const said = (name: string, text: string) => ({
    name,
    rows: four(text).map((each) => ({ ...each, answer: { ...each.answer, text } })),
  });
  const [base, adapter] = [said('base', 'no cat'), said('adapter', 'one dog')];
  const [pair] = await comparePairs([base, adapter], 'rouge1', null, 1, never);
  assert.equal(pair!.p, 2 / 2 ** 4);
  const figures = (each: typeof base, kind: ArmResult['kind'], rouge1: number) => {
    return { ...resultOf(each, kind), metrics: { rouge1 } };
  };
  const arms = [figures(base, 'base', 0), figures(adapter, 'adapter', 0.4)];
  assert.match(verdictsOf(arms, [pair!], 'rouge1', 4)[0]!, /^These 4 rows cannot tell adapter from base/);
});

test('of few rows it is said that they could show nothing', async () => {
  const [base, adapter] = [arm('base', [true, false, true]), arm('adapter', [true, true, true])];
  const pairs = await comparePairs([base, adapter], 'accuracy', null, 1, never);
  const arms = [resultOf(base, 'base'), resultOf(adapter, 'adapter')];
  assert.match(verdictsOf(arms, pairs, 'accuracy', 3)[0]!, /cannot tell .*; so few could show no difference at all\.$/);
});

test('pairs with the first arm come first', async () => {
  const arms = ['base', 'a', 'b'].map((name, i) => arm(name, [i > 0, i > 1, true]));
  const pairs = await comparePairs(arms, 'accuracy', null, 1, never);
  assert.deepEqual(
    pairs.map(({ a, b }) => [a, b]),
    [
      ['a', 'base'],
      ['b', 'base'],
      ['b', 'a'],
    ],
  );
});

test('a comparison of many rows stops within a second', async () => {
  const many = ['a', 'b', 'c', 'd', 'e', 'f'].map((name, i) =>
    arm(
      name,
      Array.from({ length: 1000 }, (_, j) => (i + j) % 3 === 0),
    ),
  );
  const stop = new AbortController();
  const comparing = comparePairs(many, 'accuracy', null, 1, stop.signal);
  let began = 0;
  setTimeout(() => {
    began = performance.now();
    stop.abort();
  }, 20);
  await assert.rejects(comparing, { reason: 'cancelled' });
  assert.ok(performance.now() - began < 1000);
});
