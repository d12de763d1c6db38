import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { drawnAdapter } from '../../test/engine/drawn.ts';
import { outcomeOf } from '../../test/outcome.ts';
import { keepNothing } from '../evaluation/answerStore.ts';
import { writeAdapter } from '../methods/adapter.ts';
import { openModel } from '../models/model.ts';
import { engineEvaluation, openEachTime } from './engineEvaluation.ts';
import { readExperiment } from './experimentFile.ts';

const samples = join(import.meta.dirname, '../../samples');
const env = { now: () => new Date('2026-11-23T01:45:00Z'), random: () => 0.1, pid: 1, user: 'ada', host: 'h' };
const dir = await mkdtemp(join(tmpdir(), 'context-'));
after(() => rm(dir, { recursive: true }));

const kinds = ['feat', 'fix', 'docs'];
const rows = Array.from({ length: 12 }, (_, i) => {
  const kind = kinds[i % kinds.length]!;
  return { message: `Change number ${i}`, context: `Input: Fix it again\nOutput: ${kind}\n`, kind };
});
await writeFile(join(dir, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
const file = join(dir, 'kind.tune.yaml');
await writeFile(
  file,
  `model: ${samples}/models/tiny
data: {train: rows.jsonl, test: rows.jsonl}
template: {input: "Input: {{message}}\\nOutput:", target: " {{kind}}", context: "{{context}}"}
labels: [feat, fix, docs]
method: {peft_type: PROMPT_TUNING}
training: {device: cpu}
evaluation:
  metrics: [accuracy, perplexity]
  guard: {rest: {data: rows.jsonl, template: {input: "{{message}}", target: " {{kind}}"}}}
  baselines:
    blind: {prompt: "{{message}}:"}
    shown: {prompt: "{{context}}{{message}}:", shots: 2}
`,
);
const model = await openModel(join(samples, 'models/tiny'));
const adapter = join(dir, 'adapter');
await writeAdapter(adapter, await drawnAdapter(model, 1, { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4 }));

/** The result of evaluating with these settings. */
async function evaluated(...settings: string[]) {
  const { experiment } = await readExperiment(file, settings);
  const request = { file, experiment, adapters: [{ label: 'tuned', dir: adapter }], answers: keepNothing };
  return outcomeOf(engineEvaluation(openEachTime, env).evaluate(request, new AbortController().signal));
}

test('every arm that reads a context is asked once more without it, and is what an experiment without one gives', async () => {
  const result = await evaluated();
  const names = ['base', 'base without context', 'blind', 'shown', 'shown without context'];
  assert.deepEqual(
    result.arms.map(({ name }) => name),
    [...names, 'tuned', 'tuned without context'],
  );
  const arm = Object.fromEntries(result.arms.map((each) => [each.name, each]));
  assert.equal(arm['tuned without context']!.without_context, 'tuned');
  assert.equal(arm['shown without context']!.detail, '{{message}}:');
  assert.deepEqual(arm['tuned without context']!.guard, arm.tuned!.guard);
  assert.equal(result.rows[0]!.input, `${rows[0]!.context}Input: Change number 0\nOutput:`);

  // The same rows in an experiment that never heard of a context, and in one whose input spells the context out.
  const bare = await evaluated('template={input: "Input: {{message}}\\nOutput:", target: " {{kind}}"}');
  const spelt = await evaluated('template={input: "{{context}}Input: {{message}}\\nOutput:", target: " {{kind}}"}');
  const figures = (from: typeof result, name: string) => from.arms.find((each) => each.name === name)!.metrics;
  for (const name of ['base', 'tuned']) {
    assert.deepEqual(figures(bare, name), arm[`${name} without context`]!.metrics);
    assert.deepEqual(figures(spelt, name), arm[name]!.metrics);
  }
  assert.notDeepEqual(arm.base!.metrics, arm['base without context']!.metrics);
  assert.ok(bare.arms.every(({ without_context }) => without_context === undefined || without_context === 'shown'));
});

test('what a context is worth, and what is left of the adapter without it, is said in words', async () => {
  const { verdicts, pairs } = await evaluated();
  const ofContext = verdicts!.filter((line) => /^\S+ without context is|from (base|shown|tuned):/.test(line));
  assert.ok(ofContext.length >= 3, verdicts!.join('\n'));
  const difference = (a: string, b: string) =>
    100 * pairs!.find((pair) => pair.metric === 'accuracy' && pair.a === a && pair.b === b)!.difference;
  const signed = (x: number) => `${x < 0 ? '' : '+'}${x.toFixed(1)}`;
  const withIt = signed(difference('tuned', 'base'));
  const without = signed(difference('tuned without context', 'base without context'));
  assert.ok(
    verdicts!.includes(
      `What tuned changes of the base model: ${withIt} points of accuracy with the context, ${without} without it.`,
    ),
    verdicts!.join('\n'),
  );
});

test('that some arm has no room for a row is said before any arm is asked', async () => {
  const { experiment } = await readExperiment(file, [
    `evaluation.baselines.shown.prompt="{{message}} ${'again '.repeat(60)}"`,
    'evaluation.baselines.shown.shots=12',
  ]);
  const events = engineEvaluation(openEachTime, env).evaluate(
    { file, experiment, adapters: [], answers: keepNothing },
    new AbortController().signal,
  );
  await assert.rejects(events.next(), /Test row 1 as shown reads it: The prompt has \d+ tokens/);
});
