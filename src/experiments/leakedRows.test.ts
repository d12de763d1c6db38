import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcomeOf } from '../../test/outcome.ts';
import { keepNothing } from '../evaluation/answerStore.ts';
import { engineEvaluation, openEachTime } from './engineEvaluation.ts';
import { readExperiment } from './experimentFile.ts';

const samples = join(import.meta.dirname, '../../samples');
const env = { now: () => new Date('2026-11-23T01:45:00Z'), random: () => 0.1, pid: 1, user: 'ada', host: 'h' };
const dir = await mkdtemp(join(tmpdir(), 'leaked-'));
after(() => rm(dir, { recursive: true }));

const kinds = ['feat', 'fix', 'docs'];
/** Rows that have no words in common. */
const row = (i: number) => ({
  message: Array.from({ length: 5 }, (_, k) => ((i + 1) * 7919 * (k + 3) ** 3).toString(36)).join(' '),
  kind: kinds[i % kinds.length],
});
const write = (name: string, rows: readonly object[]) =>
  writeFile(join(dir, name), rows.map((each) => JSON.stringify(each)).join('\n'));
await write(
  'train.jsonl',
  Array.from({ length: 10 }, (_, i) => row(i)),
);
const fresh = Array.from({ length: 6 }, (_, i) => row(100 + i));
await write('test.jsonl', [
  fresh[0]!,
  { ...row(4), message: `${row(4).message.toUpperCase()} ` },
  ...fresh.slice(1),
  row(8),
]);
await write('fresh.jsonl', fresh);
const file = join(dir, 'kind.tune.yaml');
await writeFile(
  file,
  `model: ${samples}/models/tiny
data: {train: train.jsonl, test: test.jsonl}
template: {input: "Input: {{message}}\\nOutput:", target: " {{kind}}"}
labels: [feat, fix, docs]
method: {peft_type: PROMPT_TUNING}
training: {device: cpu}
evaluation: {metrics: [accuracy]}
`,
);

/** The result of evaluating the base model with these settings. */
async function evaluated(...settings: string[]) {
  const { experiment } = await readExperiment(file, settings);
  const request = { file, experiment, adapters: [], answers: keepNothing };
  return outcomeOf(engineEvaluation(openEachTime, env).evaluate(request, new AbortController().signal));
}

test('test rows that were trained on are counted and named, with the figures that the others alone give', async () => {
  const result = await evaluated();
  assert.deepEqual(result.leaked_rows, [
    { index: 1, line: 2, training_line: 5, similarity: 1 },
    { index: 7, line: 8, training_line: 9, similarity: 1 },
  ]);
  const clean = await evaluated('data.test=fresh.jsonl');
  const accuracy = clean.arms[0]!.metrics.accuracy!.toFixed(3);
  assert.equal(
    result.remarks![0],
    `2 of 8 test rows are training rows too (2 the same; by line: 2 is 5, 8 is 9). Without them, accuracy: base ${accuracy}.`,
  );
  assert.equal(clean.leaked_rows, undefined);
});

test('where all test rows were trained on that is said, and training rows that are gone are no error', async () => {
  const all = await evaluated('data.test=train.jsonl');
  assert.match(
    all.remarks![0]!,
    /^10 of 10 test rows are training rows too .* No figure says what happens on rows that were never seen\.$/,
  );
  const gone = await evaluated('data.train=none.jsonl');
  assert.equal(gone.leaked_rows, undefined);
});
