import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcomeOf } from '../../test/outcome.ts';
import { keepNothing } from '../evaluation/answerStore.ts';
import type { ArmResult } from '../evaluation/result.ts';
import { engineEvaluation, openEachTime } from './engineEvaluation.ts';
import { readExperiment } from './experimentFile.ts';

const samples = join(import.meta.dirname, '../../samples');
const env = { now: () => new Date('2026-11-23T01:45:00Z'), random: () => 0.1, pid: 1, user: 'ada', host: 'h' };
const dir = await mkdtemp(join(tmpdir(), 'search-'));
after(() => rm(dir, { recursive: true }));

for (const [part, count] of Object.entries({ train: 40, val: 32, test: 24 })) {
  const lines = (await readFile(join(samples, `data/commit-kind.${part}.jsonl`), 'utf8')).split('\n');
  await writeFile(join(dir, `${part}.jsonl`), lines.slice(0, count).join('\n'));
}
const file = join(dir, 'kind.tune.yaml');
await writeFile(
  file,
  `model: ${samples}/models/tiny
data: {train: train.jsonl, validation: val.jsonl, test: test.jsonl}
template: {input: "Input: {{message}}\\nOutput:", target: " {{kind}}"}
labels: [feat, fix, perf, refactor, docs, test, build, ci]
method: {peft_type: PROMPT_TUNING}
training: {device: cpu}
evaluation:
  baselines:
    given: {prompt: "{{message}}"}
    found: {prompt: "{{message}}", search: 14}
`,
);

/** The arms with a hard prompt. */
async function arms(...settings: string[]): Promise<Readonly<Record<string, ArmResult>>> {
  const { experiment } = await readExperiment(file, settings);
  const request = { file, experiment, adapters: [], answers: keepNothing };
  const result = await outcomeOf(engineEvaluation(openEachTime, env).evaluate(request, new AbortController().signal));
  return Object.fromEntries(result.arms.map((arm) => [arm.name, arm]));
}

test('a search finds a prompt that does better on validation and on test rows, and says which', async () => {
  const { given, found } = await arms();
  assert.equal(found!.kind, 'hard_prompt');
  assert.equal(found!.found!.given, '{{message}}');
  assert.equal(found!.found!.prompt, found!.detail);
  assert.notEqual(found!.detail, '{{message}}');
  assert.deepEqual([found!.found!.tried, found!.found!.rows], [14, 32]);
  assert.ok(found!.found!.right > found!.found!.given_right, JSON.stringify(found!.found));
  assert.ok(found!.metrics.accuracy! > given!.metrics.accuracy!, JSON.stringify([given, found]));
});

test('equal seeds find equal prompts, which test rows have no part in', async () => {
  const { found } = await arms('evaluation.baselines.given=');
  const other = await arms('evaluation.baselines.given=', 'data.test=train.jsonl');
  assert.deepEqual(other.found!.found, found!.found);
});

test('validation rows that are split off serve, without those that are shown; without any there is no search', async () => {
  const split = ['data.validation=', 'data.validation_split=0.2', 'evaluation.baselines.found.search=2'];
  const { found } = await arms(...split, 'evaluation.baselines.found.shots=20');
  assert.ok(found!.found!.rows < 8 && found!.found!.rows > 0, `${found!.found!.rows} of 8 rows are not shown`);
  await assert.rejects(arms('data.validation='), /found\.search.*needs data\.validation/s);
});
