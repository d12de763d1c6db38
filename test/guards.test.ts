import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { JsonObject } from '../src/checkpoint/json.ts';
import { forgettingLines } from '../src/cli/forgetting.ts';
import { keepNothing } from '../src/evaluation/answerStore.ts';
import type { EvaluationResult } from '../src/evaluation/result.ts';
import { engineEvaluation, openEachTime } from '../src/experiments/engineEvaluation.ts';
import { parseExperiment, readExperiment } from '../src/experiments/experimentFile.ts';
import { writeAdapter } from '../src/methods/adapter.ts';
import { openModel } from '../src/models/model.ts';
import { drawnAdapter } from './engine/drawn.ts';
import { outcomeOf } from './outcome.ts';

const samples = join(import.meta.dirname, '../samples');
const env = { now: () => new Date('2026-11-23T01:45:00Z'), random: () => 0.1, pid: 1, user: 'ada', host: 'h' };
const dir = await mkdtemp(join(tmpdir(), 'guards-'));
after(() => rm(dir, { recursive: true }));

for (const name of ['commit-kind', 'review-sentiment']) {
  const lines = (await readFile(join(samples, `data/${name}.test.jsonl`), 'utf8')).split('\n');
  await writeFile(join(dir, `${name}.jsonl`), lines.slice(0, 24).join('\n'));
}
await writeFile(join(dir, 'wiki.txt'), await readFile(join(samples, 'README.md')));
const template = '{input: "Input: {{text}}\\nOutput:", target: " {{label}}"}';
const file = join(dir, 'kind.tune.yaml');
const text = `model: ${samples}/models/tiny
data: {train: commit-kind.jsonl, test: commit-kind.jsonl}
template: {input: "Input: {{message}}\\nOutput:", target: " {{kind}}"}
labels: [feat, fix, perf, refactor, docs, test, build, ci]
method: {peft_type: PROMPT_TUNING}
training: {device: cpu}
evaluation:
  baselines: {asked: {prompt: "{{message}}"}}
  guard:
    wiki: {data: wiki.txt}
    sentiment: {data: review-sentiment.jsonl, template: TEMPLATE, labels: LABELS}
    written: {data: review-sentiment.jsonl, template: TEMPLATE}
`;
const review = JSON.parse((await readFile(join(dir, 'review-sentiment.jsonl'), 'utf8')).split('\n')[0]!) as object;
const [column, answer] = Object.keys(review) as [string, string];
const answers = new Set(
  (await readFile(join(dir, 'review-sentiment.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as Record<string, string>)[answer]),
);
await writeFile(
  file,
  text
    .replaceAll('TEMPLATE', template.replace('{{text}}', `{{${column}}}`).replace('{{label}}', `{{${answer}}}`))
    .replace('LABELS', `[${[...answers].join(', ')}]`),
);
const model = await openModel(join(samples, 'models/tiny'));

/** Evaluates adapters drawn by these configurations. */
async function evaluated(configs: Readonly<Record<string, JsonObject>>): Promise<EvaluationResult> {
  const adapters = [];
  for (const [label, config] of Object.entries(configs)) {
    await writeAdapter(join(dir, label), await drawnAdapter(model, 1, config));
    adapters.push({ label, dir: join(dir, label) });
  }
  const { experiment } = await readExperiment(file);
  const request = { file, experiment, adapters, answers: keepNothing };
  return outcomeOf(engineEvaluation(openEachTime, env).evaluate(request, new AbortController().signal));
}

test('every arm says how it does on the guards against the base model, and the base model stays as it is', async () => {
  const result = await evaluated({
    prompt: { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 8 },
    // B is zero at first: this adapter changes nothing.
    idle: { peft_type: 'LORA', r: 2 },
    moved: { peft_type: 'IA3', moved: true },
  });
  const [base, asked, prompt, idle, moved] = result.arms;
  for (const { guard } of result.arms) {
    assert.deepEqual(Object.keys(guard!), ['wiki', 'sentiment', 'written']);
    assert.deepEqual(
      Object.values(guard!).map(({ figure }) => figure),
      ['perplexity', 'accuracy', 'perplexity'],
    );
    assert.ok(guard!.wiki!.value! > 1 && guard!.wiki!.rows > 1);
    assert.equal(guard!.sentiment!.rows, 24);
  }
  for (const name of ['wiki', 'sentiment', 'written']) {
    assert.equal(base!.guard![name]!.change, 0);
    assert.deepEqual(asked!.guard![name], base!.guard![name]);
    assert.ok(Math.abs(idle!.guard![name]!.change!) < 1e-3, name);
  }
  for (const arm of [prompt!, moved!]) assert.ok(Math.abs(arm.guard!.wiki!.change!) > 0.01, JSON.stringify(arm.guard));
  for (const arm of [prompt!, idle!, moved!]) {
    assert.deepEqual(arm.base_untouched, { fingerprint: true, largest_logit_difference: 0 });
  }
  assert.equal(base!.base_untouched, undefined);

  const lines = forgettingLines(result);
  assert.match(lines[1]!, /^forgotten +wiki, perplexity +sentiment, accuracy +written, perplexity$/);
  assert.match(lines.find((line) => line.startsWith('prompt'))!, /\d \([+-]\d/);
  assert.match(lines.at(-1)!, /untouched: after each adapter/);
  const trace = { fingerprint: true, largest_logit_difference: 0.5 };
  assert.match(
    forgettingLines({ arms: [{ ...prompt!, base_untouched: trace }] }).at(-1)!,
    /^After prompt .* differ by 0\.5/,
  );
});

test('a guard that cannot be measured is refused where it is written', () => {
  const problems = (task: string, guard: string) => {
    const written = `model: m\ntask: ${task}\ndata: {train: t.jsonl}\nmethod: {peft_type: FULL}\nlabels: [a, b]\n`;
    const parsed = parseExperiment(`${written}evaluation: {guard: {g: ${guard}}}\n`, '/w/x.tune.yaml');
    return parsed.problems.map(({ key, message }) => `${key}: ${message}`).join('\n');
  };
  assert.equal(problems('causal_lm', '{data: wiki.txt}'), '');
  assert.match(problems('causal_lm', '{data: x.jsonl, labels: [a, b]}'), /guard\.g\.?.*template.*needed with labels/);
  assert.match(problems('seq_2_seq_lm', '{data: wiki.txt}'), /no perplexity of a text alone/);
  assert.match(problems('seq_cls', '{data: wiki.txt}'), /a classifier answers nothing but its own classes/);
  const absolute = parseExperiment(
    'model: m\ndata: {train: t.jsonl}\nmethod: {peft_type: FULL}\nevaluation: {guard: {g: {data: wiki.txt}}}\n',
    '/w/x.tune.yaml',
  );
  assert.equal(absolute.loaded!.experiment.evaluation.guard.g!.data, '/w/wiki.txt');
});

test('a text without its column is named with file and line', async () => {
  await writeFile(join(dir, 'wiki.jsonl'), '{"text":"a"}\n{"words":"b"}\n');
  const { experiment } = await readExperiment(file, ['evaluation.guard.wiki.data=wiki.jsonl']);
  const request = { file, experiment, adapters: [], answers: keepNothing };
  const events = engineEvaluation(openEachTime, env).evaluate(request, new AbortController().signal);
  await assert.rejects(events.next(), /wiki\.jsonl, line 2: has no column `text`/);
});

test('rows of a guard that some arm has no room for are counted and named', async () => {
  const lines = (await readFile(join(dir, 'review-sentiment.jsonl'), 'utf8')).trim().split('\n');
  const long = JSON.stringify({ ...JSON.parse(lines[0]!), [column]: 'word '.repeat(3000) });
  await writeFile(join(dir, 'review-sentiment.long.jsonl'), [lines[0], long, ...lines.slice(1)].join('\n'));
  const settings = ['sentiment', 'written'].map((name) => `evaluation.guard.${name}.data=review-sentiment.long.jsonl`);
  const { experiment } = await readExperiment(file, settings);
  const request = { file, experiment, adapters: [], answers: keepNothing };
  const result = await outcomeOf(engineEvaluation(openEachTime, env).evaluate(request, new AbortController().signal));
  const { remarks, arms } = result;
  assert.equal(arms[0]!.guard!.sentiment!.rows, lines.length);
  for (const name of ['sentiment', 'written']) {
    const [remark] = remarks!.filter((line) => line.startsWith(`${name}: 1 row(s) are longer`));
    assert.match(remark!, /left out: review-sentiment\.long\.jsonl:2 \(\d+ tokens\)\.$/);
  }
});
