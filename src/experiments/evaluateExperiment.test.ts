import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EvaluationProgress, EvaluationResult } from '../evaluation/result.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { readAudit } from './audit.ts';
import { type EvaluationEngine, evaluateExperiment } from './evaluateExperiment.ts';
import { type LoadedExperiment, parseExperiment } from './experimentFile.ts';
import { readCard, saveAdapterVersion } from './library.ts';
import { createRun, readEvaluation } from './runs.ts';

const env = {
  now: () => new Date('2026-11-23T01:45:00Z'),
  random: Math.random,
  pid: process.pid,
  user: 'ada',
  host: 'h',
};

const text = `model: m
data: {train: t.jsonl, test: e.jsonl}
method: {peft_type: FULL}
evaluation: {baselines: {plain: {prompt: "{{x}}"}}}
`;
const loaded = parseExperiment(text, '/w/kind.tune.yaml').loaded as LoadedExperiment;

/** Gives every adapter an accuracy of 0.75, and remembers the arms it was asked for. */
function fakeEngine(asked: string[]): EvaluationEngine {
  return {
    async *evaluate({ adapters, file }): AsyncGenerator<EvaluationProgress, EvaluationResult> {
      asked.push(...adapters.map(({ label }) => label));
      yield { arm: 'base', armIndex: 0, arms: 1, row: 1, rows: 1 };
      return {
        ...{ id: 'e', created: '', experiment: file, model: 'm', data: 'e.jsonl', mode: 'choice', labels: null },
        metrics: ['accuracy', 'perplexity'],
        arms: adapters.map((adapter) => ({
          ...{ name: adapter.label, kind: 'adapter', detail: 'dir' in adapter ? adapter.dir : null },
          ...{ metrics: { accuracy: 0.75, perplexity: null } },
          ...{ confusion: null, wins: 0, losses: 0, seconds: 0, trainable_parameters: 1, bytes: 1 },
        })),
        rows: [],
      };
    },
  };
}

/** A store with one run and the adapter it made. */
async function library() {
  const store = join(mkdtempSync(join(tmpdir(), 'softprompt-')), '.softprompt');
  const run = await createRun(store, loaded, env);
  const from = join(store, 'runs', run.id, 'adapter');
  mkdirSync(from);
  const { dir } = await saveAdapterVersion(store, from, {
    ...{ name: 'kind', created: '', base: { model: 'm', fingerprint: 'f' }, data: { file: 't', sha256: 's' } },
    ...{ experiment: {}, run: run.id, seed: 1, trainable_parameters: 1, best_step: 1, validation_loss: null },
    ...{ metrics: {}, parent: null },
  });
  return { store, run, dir };
}

async function finish<T, R>(events: AsyncGenerator<T, R>): Promise<R> {
  for (;;) {
    const next = await events.next();
    if (next.done) return next.value;
  }
}

const never = new AbortController().signal;

test("the result is kept with the adapter's run, its figures on the card, and the audit log says who", async () => {
  const { store, run, dir } = await library();
  const request = { store, loaded, adapters: [{ label: 'kind 1', dir }], runId: null };
  const result = await finish(evaluateExperiment(fakeEngine([]), request, never, env));
  assert.deepEqual(await readEvaluation(store, run.id), result);
  assert.deepEqual((await readCard(dir))?.metrics, { accuracy: 0.75 });
  assert.deepEqual(
    (await readAudit(store)).map(({ user, action, adapter }) => [user, action, adapter]),
    [['ada', 'evaluated', 'kind@1']],
  );
});

test('every folder is one arm, under a name that no other arm has', async () => {
  const { store, dir } = await library();
  const folders = ['a/out', 'b/out', 'plain'].map((path) => join(store, '..', path));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const adapters = [{ label: 'kind 1', dir }, ...folders.map((f) => ({ label: f.split('/').at(-1)!, dir: f }))];
  const asked: string[] = [];
  const request = { store, loaded, adapters: [...adapters, adapters[0]!], runId: null };
  await finish(evaluateExperiment(fakeEngine(asked), request, never, env));
  assert.deepEqual(asked, ['kind 1', 'out', folders[1], folders[2]]);
});

test('an adapter from elsewhere is compared, and its folder is not written to', async () => {
  const { store } = await library();
  const dir = mkdtempSync(join(tmpdir(), 'softprompt-'));
  writeFileSync(join(dir, 'card.json'), '{"run": "elsewhere"}');
  const request = { store, loaded, adapters: [{ label: 'foreign', dir }], runId: null };
  await finish(evaluateExperiment(fakeEngine([]), request, never, env));
  assert.deepEqual(await readCard(dir), { run: 'elsewhere' });
});

test('an experiment without test rows is refused', async () => {
  const { store, dir } = await library();
  const { test: _, ...data } = loaded.experiment.data;
  const request = {
    ...{ store, adapters: [{ label: 'kind 1', dir }], runId: null },
    loaded: { ...loaded, experiment: { ...loaded.experiment, data } },
  };
  const events = evaluateExperiment(fakeEngine([]), request, never, env);
  await assert.rejects(finish(events), (error) => SoftpromptError.is(error, 'test-rows-missing'));
});
