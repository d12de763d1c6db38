import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { drawnAdapter } from '../../test/engine/drawn.ts';
import { outcomeOf } from '../../test/outcome.ts';
import type { EvaluationProgress, EvaluationResult } from '../evaluation/result.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { writeAdapter } from '../methods/adapter.ts';
import { openModel } from '../models/model.ts';
import { engineEvaluation, openEachTime } from './engineEvaluation.ts';
import { evaluateExperiment } from './evaluateExperiment.ts';
import { readExperiment } from './experimentFile.ts';
import type { ResolvedAdapter } from './library.ts';

const samples = join(import.meta.dirname, '../../samples');
const env = { now: () => new Date('2026-11-23T01:45:00Z'), random: () => 0.1, pid: 1, user: 'ada', host: 'h' };
const dir = await mkdtemp(join(tmpdir(), 'evaluation-'));
after(() => rm(dir, { recursive: true }));

/** As the promise is: a thousand rows and six arms. One new token and no labels keep a row to two runs of the model. */
const [rowCount, armCount] = [1000, 6];

const texts = await readFile(join(samples, 'data/commit-kind.train.jsonl'), 'utf8');
const lines = texts.trim().split('\n');
await writeFile(
  join(dir, 'rows.jsonl'),
  Array.from({ length: rowCount }, (_, i) => {
    const { message, kind } = JSON.parse(lines[i % lines.length]!) as { message: string; kind: string };
    return JSON.stringify({ message: `${message} ${i}`, kind });
  }).join('\n'),
);
const file = join(dir, 'kind.tune.yaml');
await writeFile(
  file,
  `model: ${samples}/models/tiny
data: {train: rows.jsonl, test: rows.jsonl}
template: {input: "Input: {{message}}\\nOutput:", target: " {{kind}}"}
method: {peft_type: PROMPT_TUNING}
training: {device: cpu}
evaluation:
  max_new_tokens: 1
  baselines:
    plain: {prompt: "{{message}}"}
    asked: {prompt: "What type of commit is this?\\nInput: {{message}}\\nOutput:"}
    shown: {prompt: "Input: {{message}}\\nOutput:", shots: 1}
`,
);
const model = await openModel(join(samples, 'models/tiny'));
const adapters: ResolvedAdapter[] = [];
for (const [label, config] of Object.entries({
  prompt: { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4 },
  lora: { peft_type: 'LORA', r: 2, moved: true },
})) {
  await writeAdapter(join(dir, label), await drawnAdapter(model, 1, config));
  adapters.push({ label, dir: join(dir, label) });
}
const loaded = await readExperiment(file);

/** Evaluates into a store of this name; `seen` may cancel. */
async function evaluated(
  store: string,
  seen: (progress: EvaluationProgress) => void,
  signal = new AbortController().signal,
): Promise<EvaluationResult> {
  const request = { store: join(dir, store), loaded, adapters, runId: null };
  return outcomeOf(evaluateExperiment(engineEvaluation(openEachTime, env), request, signal, env), seen);
}

/** What must not depend on how often an evaluation was broken off. */
function lasting({ id: _, arms, ...rest }: EvaluationResult) {
  return { ...rest, arms: arms.map(({ seconds: _, cached_rows: __, cost: ___, ...arm }) => arm) };
}

// It asks the sample model 12,000 times, which takes most of a minute on two cores: fewer rows or arms would be another promise.
test('1,000 rows with 6 arms show progress, are cancelled within a second, go on, and end as if unbroken', async (t) => {
  const progress: EvaluationProgress[] = [];
  const whole = await evaluated('whole', (seen) => progress.push(seen));
  assert.equal(whole.arms.length, armCount);
  assert.ok(whole.arms.every(({ cached_rows }) => cached_rows === undefined));
  for (const [armIndex, { name }] of whole.arms.entries()) {
    const rows = progress.filter(({ arm }) => arm === name).map(({ row }) => row);
    assert.ok(rows.length > 50 && rows.at(-1) === rowCount, `${name}: ${rows.length} times`);
    assert.ok(progress.filter(({ arm }) => arm === name).every((seen) => seen.armIndex === armIndex));
  }

  const controller = new AbortController();
  let cancelled = 0;
  const broken = evaluated(
    'broken',
    ({ armIndex, row }) => {
      if (armIndex < 3 || row < 300 || controller.signal.aborted) return;
      // Amid a batch, not between two.
      setTimeout(() => {
        cancelled = performance.now();
        controller.abort();
      }, 5);
    },
    controller.signal,
  );
  await assert.rejects(broken, (error) => SoftpromptError.is(error, 'cancelled'));
  const took = performance.now() - cancelled;
  t.diagnostic(`cancelled within ${took.toFixed(0)} ms`);
  assert.ok(took < 1000, `stopped after ${took} ms`);

  // A process that is killed may leave half a line behind.
  const kept = await readdir(join(dir, 'broken/evaluations'));
  assert.equal(kept.length, 4);
  for (const name of kept) await appendFile(join(dir, 'broken/evaluations', name), '{"seconds":1,"answers":[[0,{"te');

  const resumed = await evaluated('broken', () => undefined);
  const found = resumed.arms.map(({ cached_rows = 0 }) => cached_rows);
  assert.deepEqual(found.slice(0, 3), [rowCount, rowCount, rowCount]);
  assert.ok(found[3]! >= 300 && found[3]! < rowCount, `${found[3]}`);
  assert.deepEqual(found.slice(4), [0, 0]);
  assert.deepEqual(lasting(resumed), lasting(whole));

  const again = await evaluated('broken', () => undefined);
  assert.ok(again.arms.every(({ cached_rows }) => cached_rows === rowCount));
  assert.deepEqual(lasting(again), lasting(whole));
  assert.deepEqual(
    again.arms.map(({ seconds }) => seconds),
    resumed.arms.map(({ seconds }) => seconds),
  );
});

test('an arm that is another by its prompt is asked again, and no other', async () => {
  const rows = lines.slice(0, 20).join('\n');
  await writeFile(join(dir, 'few.jsonl'), rows);
  const of = async (...settings: string[]) => {
    const changed = await readExperiment(file, ['data.test=few.jsonl', ...settings]);
    const request = { store: join(dir, 'changed'), loaded: changed, adapters, runId: null };
    const result = await outcomeOf(
      evaluateExperiment(engineEvaluation(openEachTime, env), request, new AbortController().signal, env),
    );
    return result.arms.filter(({ cached_rows }) => cached_rows === undefined).map(({ name }) => name);
  };
  assert.equal((await of()).length, armCount);
  assert.deepEqual(await of(), []);
  assert.deepEqual(await of('evaluation.baselines.plain.prompt=Say {{message}}'), ['plain']);
  assert.deepEqual(await of('training.seed=3'), ['shown'], 'the seed draws the shots');
  assert.equal((await of('template.target= It is {{kind}}')).length, armCount);
  await writeAdapter(join(dir, 'lora'), await drawnAdapter(model, 2, { peft_type: 'LORA', r: 2, moved: true }));
  assert.deepEqual(await of(), ['lora']);
});
