import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readEvents } from '../src/experiments/eventLog.ts';
import { listRuns, wasKilled } from '../src/experiments/runs.ts';
import { unfinishedSweep } from '../src/experiments/sweepStore.ts';
import { SoftpromptError } from '../src/foundation/errors.ts';
import { WorkerClient } from '../src/worker/client.ts';
import {
  activate,
  combine,
  evaluate,
  exportAdapter,
  loadModel,
  merge,
  saveCombined,
  sweep,
  train,
  type WorkProgress,
} from '../src/worker/protocol.ts';

const golden = join(import.meta.dirname, 'golden/peft021');
const trainCase = join(golden, 'train/prompt-llama3-sample');
const model = join(golden, 'models/llama3-a');

const client = new WorkerClient({ entry: join(import.meta.dirname, '../src/worker/main.ts') });
after(() => client.dispose());

function workspace(steps: number): { file: string; store: string } {
  const folder = mkdtempSync(join(tmpdir(), 'softprompt-'));
  const file = join(folder, 'golden.tune.yaml');
  const data = `{ train: ${trainCase}/train.jsonl, test: ${trainCase}/train.jsonl }`;
  const training = `{ max_steps: ${steps}, save_steps: 20, shuffle: false, device: cpu }`;
  const method = `{ peft_type: PROMPT_TUNING, init_from: ${trainCase}/init }`;
  writeFileSync(file, `model: ${model}\ndata: ${data}\nmethod: ${method}\ntraining: ${training}\n`);
  return { file, store: join(folder, '.softprompt') };
}

test('a worker loads a model, trains, swaps the new adapter in and compares it', async () => {
  const { file, store } = workspace(5);
  const report = await client.request(loadModel, { dir: model, device: 'cpu' });
  assert.equal(report.modelType, 'llama');
  const steps: number[] = [];
  const listening = client.onTrainEvent(({ event }) => {
    if (event.event === 'step') steps.push(event.step);
  });
  const trained = await client.request(train, { experiment: file, set: [], store, resume: null });
  listening.dispose();
  assert.deepEqual(steps, [1, 2, 3, 4, 5]);
  assert.equal(trained.reason, 'finished');
  assert.equal(trained.adapter, join(store, 'adapters/golden/1'));
  const swapped = await client.request(activate, { adapter: trained.adapter });
  assert.equal(swapped.adapter, trained.adapter);
  const adapters = [trained.adapter];
  const result = await client.request(evaluate, { experiment: file, set: [], store, adapters, runId: trained.runId });
  assert.deepEqual(
    result.arms.map(({ name }) => name),
    ['base', 'golden 1'],
  );
  const output = join(store, '../out/model.onnx');
  const order = { adapter: trained.adapter, format: 'onnx', dtype: null, output } as const;
  const { files, change } = await client.request(exportAdapter, order);
  assert.deepEqual(files, [output, `${output}_data`]);
  assert.ok(change.largest <= 1e-4);
});

test('a worker combines adapters, says how far that is from their sum, saves it when told to, and merges it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'softprompt-'));
  const store = join(folder, '.softprompt');
  const inputs = join(golden, 'merge/weighted-llama3/adapters');
  const adapters = ['a1', 'a2'].map((label, i) => ({ label, dir: join(inputs, label), weight: 1 - i }));
  const done: string[] = [];
  const listening = client.onWorkProgress((progress) => done.push(`${progress.done}/${progress.all}`));
  const report = await client.request(combine, { model, adapters, method: 'exact', density: 1 });
  assert.deepEqual([report.rank, report.modules], [8, 2]);
  assert.ok(report.largest < 1e-6);
  assert.ok(!existsSync(store));
  const { adapter } = await client.request(saveCombined, { store, name: 'sum' });
  assert.equal(adapter, join(store, 'adapters/sum/1'));
  await assert.rejects(client.request(saveCombined, { store, name: 'sum' }), /nothing has been combined/);
  const output = join(folder, 'merged');
  const controller = new AbortController();
  const merging = client.request(merge, { model, adapter, output });
  // Waits behind the first, all of which is time for the cancellation to arrive in: alone, so small a merge can be over
  // before it does.
  const unwanted = join(folder, 'unwanted');
  const cancelled = client.request(merge, { model, adapter, output: unwanted }, { signal: controller.signal });
  await client.start();
  controller.abort();
  const [merged] = await Promise.all([
    merging,
    assert.rejects(cancelled, (error) => SoftpromptError.is(error, 'cancelled')),
  ]);
  assert.ok(!existsSync(unwanted));
  listening.dispose();
  assert.equal(merged.changed.length, 2);
  assert.ok(merged.logits.largest_change < 5e-5);
  assert.ok(done.includes('2/2') && done.includes('30/30'));
});

test('killed in the middle of a training, it is started again and the run resumed, to the same bytes', async () => {
  const through = workspace(300);
  const { adapter: whole } = await client.request(train, {
    ...{ experiment: through.file, set: [], store: through.store, resume: null },
  });

  const { file, store } = workspace(300);
  const { pid } = await client.start();
  const listening = client.onTrainEvent(({ event }) => {
    if (event.event === 'checkpoint') process.kill(pid, 'SIGKILL');
  });
  const killed = client.request(train, { experiment: file, set: [], store, resume: null });
  await assert.rejects(killed, (error) => SoftpromptError.is(error, 'worker-exited'));
  listening.dispose();
  const [run] = await listRuns(store);
  assert.ok(run !== undefined && wasKilled(run));
  assert.ok((run.checkpoint ?? 0) >= 20);

  const resumed = await client.request(train, { experiment: file, set: [], store, resume: run.id });
  assert.equal(resumed.reason, 'finished');
  assert.equal(resumed.runId, run.id);
  const tensors = (dir: string) => readFileSync(join(dir, 'adapter_model.safetensors'));
  assert.ok(tensors(resumed.adapter).equals(tensors(whole)));
  const steps = (await readEvents(store, run.id)).flatMap((event) => (event.event === 'step' ? [event.step] : []));
  assert.deepEqual(
    steps,
    Array.from({ length: 300 }, (_, i) => i + 1),
  );
});

test('a worker runs a sweep, says how far it is, stops when told to and goes on where it was', async () => {
  const { file, store } = workspace(40);
  const written = readFileSync(file, 'utf8').replace('data: {', `data: { validation: ${trainCase}/train.jsonl,`);
  writeFileSync(file, `${written}sweep: { training.learning_rate: [0.1, 0.2, 0.3] }\n`);
  const told: WorkProgress[] = [];
  const controller = new AbortController();
  const listening = client.onWorkProgress((progress) => {
    told.push(progress);
    if (progress.done === 1) controller.abort();
  });
  const order = { experiment: file, set: [], store, resume: null };
  const cut = await client.request(sweep, order, { signal: controller.signal });
  assert.equal(cut.finished, false);
  assert.equal(cut.adapter, null);
  assert.deepEqual(told[0], { done: 0, all: 3 });
  assert.match(told[1]!.note!, /^best so far \d\.\d{4} with training\.learning_rate=0\.1$/);
  assert.equal(await unfinishedSweep(store, file), cut.id);

  told.length = 0;
  const whole = await client.request(sweep, { ...order, resume: cut.id });
  listening.dispose();
  assert.deepEqual(
    told.map(({ done }) => done),
    [0, 1, 2, 3],
  );
  assert.equal(whole.id, cut.id);
  assert.ok(whole.finished);
  assert.equal(whole.adapter, join(store, 'adapters/golden/1'));
  assert.deepEqual(
    whole.rows.map(({ state }) => state),
    ['finished', 'finished', 'finished'],
  );
  assert.match(told.at(-1)!.note!, new RegExp(`^best so far ${whole.rows[0]!.loss!.toFixed(4)} `));
  assert.equal(await unfinishedSweep(store, file), null);
  await assert.rejects(client.request(sweep, { ...order, resume: cut.id }), /finished/);
});

test('an experiment without a sweep is told so', async () => {
  const { file, store } = workspace(1);
  const order = { experiment: file, set: [], store, resume: null };
  await assert.rejects(client.request(sweep, order), { name: 'SoftpromptError' });
  assert.ok(!existsSync(store));
});
