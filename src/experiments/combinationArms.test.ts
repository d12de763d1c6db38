import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { drawnAdapter } from '../../test/engine/drawn.ts';
import { outcomeOf } from '../../test/outcome.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { writeAdapter } from '../methods/adapter.ts';
import { openModel } from '../models/model.ts';
import { combineAdapters, saveCombined } from './combineAdapters.ts';
import { engineEvaluation, openEachTime } from './engineEvaluation.ts';
import { evaluateExperiment } from './evaluateExperiment.ts';
import { readExperiment } from './experimentFile.ts';

const sample = join(import.meta.dirname, '../../samples/models/tiny');
const env = { now: () => new Date('2026-11-23T01:45:00Z'), random: () => 0.1, pid: 1, user: 'ada', host: 'h' };
const dir = await mkdtemp(join(tmpdir(), 'combined-arms-'));
after(() => rm(dir, { recursive: true }));
const store = join(dir, '.softprompt');

const kinds = ['feat', 'fix', 'docs'];
const rows = Array.from({ length: 9 }, (_, i) => ({ message: `Change number ${i}`, kind: kinds[i % 3] }));
await writeFile(join(dir, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
const model = await openModel(sample);
for (const [seed, name] of ['style', 'tone'].entries()) {
  const drawn = await drawnAdapter(model, seed + 1, { peft_type: 'LORA', r: 2, init_lora_weights: false });
  await writeAdapter(join(dir, name), drawn);
}

/** The result of evaluating, beside the base model, what this experiment combines and these adapters. */
async function evaluated(combinations: string, adapters: readonly { label: string; dir: string }[] = []) {
  const file = join(dir, 'kind.tune.yaml');
  await writeFile(
    file,
    `model: ${sample}
data: {train: rows.jsonl, test: rows.jsonl}
template: {input: "Input: {{message}}\\nOutput:", target: " {{kind}}"}
labels: [feat, fix, docs]
method: {peft_type: PROMPT_TUNING}
training: {device: cpu}
evaluation: {metrics: [accuracy, perplexity], combinations: ${combinations}}
`,
  );
  const request = { store, loaded: await readExperiment(file), adapters, runId: null };
  const engine = engineEvaluation(openEachTime, env);
  return outcomeOf(evaluateExperiment(engine, request, new AbortController().signal, env));
}

test('adapters are combined into an arm that answers as the combination that is saved does', async () => {
  const never = new AbortController().signal;
  const weights = { style: 0.5, tone: -0.25 };
  const combined = await combineAdapters(
    {
      ...{ model: sample, method: 'exact', rank: null, density: 1, majoritySign: 'total', seed: 42 },
      adapters: Object.entries(weights).map(([label, weight]) => ({ label, dir: join(dir, label), weight })),
    },
    never,
    () => undefined,
  );
  const saved = await saveCombined(combined, { store, output: join(dir, 'saved') }, env);
  const result = await evaluated('{mixed: {adapters: {style: 0.5, tone: -0.25}}}', [{ label: 'saved', dir: saved }]);
  assert.deepEqual(
    result.arms.map(({ name, kind }) => [name, kind]),
    [
      ['base', 'base'],
      ['saved', 'adapter'],
      ['mixed', 'adapter'],
    ],
  );
  const [base, fromDisk, mixed] = result.arms;
  assert.equal(mixed!.detail, '0.5 x style + -0.25 x tone (exact)');
  assert.deepEqual(mixed!.metrics, fromDisk!.metrics);
  assert.equal(mixed!.trainable_parameters, fromDisk!.trainable_parameters);
  assert.notEqual(mixed!.metrics.perplexity, base!.metrics.perplexity);
  for (const { answers } of result.rows) assert.deepEqual(answers.mixed, answers.saved);
});

test('a combination of what does not exist, or cannot be combined, is refused by name', async () => {
  const is = (reason: Parameters<typeof SoftpromptError.is>[1]) => (error: unknown) =>
    SoftpromptError.is(error, reason);
  await assert.rejects(evaluated('{mixed: {adapters: {style: 1, nobody: 1}}}'), is('adapter-unknown'));
  await writeAdapter(join(dir, 'soft'), await drawnAdapter(model, 3, { peft_type: 'PROMPT_TUNING' }));
  await assert.rejects(evaluated('{mixed: {adapters: {style: 1, soft: 1}}}'), is('not-combinable'));
  await assert.rejects(evaluated('{base: {adapters: {style: 1}}}'), /"base" is the name of the model/);
  await assert.rejects(evaluated('{mixed: {adapters: {}}}'), /names no adapter/);
  await assert.rejects(evaluated('{mixed: {adapters: {style: 1}, combination_type: sum}}'), is('experiment-invalid'));
});
