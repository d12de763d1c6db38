import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { RowAnswer } from '../evaluation/result.ts';
import { answerCache } from './answerCache.ts';

let store: string;
beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), 'answers-'));
});
afterEach(() => rm(store, { recursive: true }));

const answer = (text: string): RowAnswer => ({
  ...{ text, correct: false, probability: null, target_loss: 0.1 + 0.2, target_tokens: 3 },
});

test('answers are there again as they were, the last bit of a loss and one that is no number included', async () => {
  const kept = await answerCache(store).open('a');
  assert.equal(kept.answers.size, 0);
  const odd = { ...answer('none'), target_loss: Number.NaN, target_tokens: 0 };
  await kept.keep(new Map([[3, answer('x\n"y')]]), 0.5);
  await kept.keep(new Map([[0, odd]]), 0.25);
  const again = await answerCache(store).open('a');
  assert.deepEqual(
    again.answers,
    new Map([
      [3, answer('x\n"y')],
      [0, odd],
    ]),
  );
  assert.equal(again.seconds, 0.75);
  assert.equal((await answerCache(store).open('b')).answers.size, 0);
});

test('lines that are damaged or of another form count for nothing, and what comes after them counts', async () => {
  const cache = answerCache(store);
  await (await cache.open('a')).keep(new Map([[0, answer('good')]]), 1);
  const file = join(store, 'evaluations/a.jsonl');
  await appendFile(
    file,
    'no json\n[]\n{"seconds":1,"answers":[[-1,{}]]}\n{"seconds":1,"answers":[[1,{"text":5}]]}\n{"sec',
  );
  await (await cache.open('a')).keep(new Map([[2, answer('after')]]), 1);
  const { answers, seconds } = await cache.open('a');
  assert.deepEqual([...answers.keys()], [0, 2]);
  assert.equal(seconds, 2);
});

test('of very many arms those that were not asked for longest go', async () => {
  const cache = answerCache(store);
  await cache.open('first');
  const folder = join(store, 'evaluations');
  for (let i = 0; i < 505; i++) {
    await writeFile(join(folder, `${i}.jsonl`), '');
    await utimes(join(folder, `${i}.jsonl`), 1000 + i, 1000 + i);
  }
  await (await cache.open('0')).keep(new Map([[0, answer('kept')]]), 1);
  const left = await readdir(folder);
  assert.equal(left.length, 500);
  assert.ok(left.includes('0.jsonl') && left.includes('504.jsonl') && !left.includes('5.jsonl'));
});
