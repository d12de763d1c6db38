import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeSafetensors } from '../checkpoint/tensorWriting.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { DoneEvent, TrainingEvent } from '../training/events.ts';
import { readAudit } from './audit.ts';
import { readEvents } from './eventLog.ts';
import { readExperiment } from './experimentFile.ts';
import { listAdapters, readCard } from './library.ts';
import type { AdapterCard } from './records.ts';
import { listRuns, readRun, runFolder, updateRun } from './runs.ts';
import { newRun, reopenRun, type TrainingEngine, type TrainingRequest, trainRun } from './trainExperiment.ts';

const env = {
  now: () => new Date('2026-11-23T01:45:00Z'),
  random: () => 0.1,
  pid: process.pid,
  user: 'ada',
  host: 'h',
};

/** A workspace with an experiment on a model of one number. */
async function workspace() {
  const root = mkdtempSync(join(tmpdir(), 'softprompt-'));
  const file = join(root, 'kind.tune.yaml');
  writeFileSync(file, 'model: model\ndata: {train: t.jsonl}\nmethod: {peft_type: FULL}\ntraining: {max_steps: 4}\n');
  writeFileSync(join(root, 't.jsonl'), '{"input_ids": [1, 2]}\n');
  await writeSafetensors(join(root, 'model/model.safetensors'), [
    { name: 'w', dtype: 'F32', shape: [1], data: Float32Array.of(1) },
  ]);
  writeFileSync(join(root, 'model/config.json'), '{}');
  return { root, file, store: join(root, '.softprompt') };
}

/** An engine that takes four steps; `failFirst` and `failAt` break it. */
function fakeEngine(
  behaviour: { failAt?: number; failFirst?: boolean; failChecks?: boolean; requests?: TrainingRequest[] } = {},
): TrainingEngine {
  return {
    async check(_request, trainedOn, _signal, { now }) {
      if (behaviour.failChecks) throw new Error('the checks broke');
      assert.match(trainedOn, /^[0-9a-f]{64}$/);
      return [{ name: 'effect', figure: 1, limit: 0, passed: true, time: now().toISOString() }];
    },
    async *train(request, signal): AsyncGenerator<TrainingEvent> {
      behaviour.requests?.push(request);
      if (behaviour.failFirst) throw new SoftpromptError('data-invalid', { file: 't.jsonl', problem: 'is bad' });
      const facts = { epochs: 1, train_rows: 1, validation_rows: 0, trainable_parameters: 1, total_parameters: 1 };
      const first = request.resume ? 2 : 0;
      yield { event: 'start', total_steps: 4, resumed_from: first, device: 'cpu', ...facts };
      let step = first;
      while (step < 4 && !signal.aborted) {
        step++;
        if (behaviour.failAt === step) throw new Error('the engine broke');
        yield { event: 'step', step, epoch: 0, loss: 1 / step, learning_rate: 1, grad_norm: 1, tokens: 1, seconds: 0 };
        if (step === 2 || signal.aborted) yield { event: 'checkpoint', step, path: 'c' };
      }
      writeFileSync(join(request.adapterFolder, 'adapter_config.json'), '{"peft_type": "FULL"}');
      writeFileSync(join(request.adapterFolder, 'adapter_model.safetensors'), 'tensors');
      const reason = signal.aborted ? 'stopped' : 'finished';
      const best = { best_step: step, best_loss: 0.5, seconds: 1, trainable_parameters: 1 };
      yield { event: 'done', step, reason, ...best, adapter: request.adapterFolder };
    },
  };
}

async function collect(events: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const all: TrainingEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const never = new AbortController().signal;

test('a training leaves a finished run, its events, a TensorBoard file, a version with its card, and an audit line', async () => {
  const { file, store } = await workspace();
  const prepared = await newRun(store, await readExperiment(file), env);
  const events = await collect(trainRun(fakeEngine(), prepared, null, never, env));
  const done = events.at(-1) as DoneEvent;
  assert.equal(done.adapter, join(store, 'adapters/kind/1'));
  const [run] = await listRuns(store);
  assert.deepEqual(
    { state: run?.state, steps: run?.steps, totalSteps: run?.totalSteps, adapter: run?.adapter, device: run?.device },
    { state: 'finished', steps: 4, totalSteps: 4, adapter: done.adapter, device: 'cpu' },
  );
  assert.deepEqual(await readEvents(store, run!.id), events);
  assert.ok(readdirSync(runFolder(store, run!.id)).some((name) => name.includes('tfevents')));
  const card = await readCard(done.adapter);
  assert.equal(card?.data?.sha256, '3804097274178c106528202e7d44e78add955aa4c681424840f0aa7fc941ef36');
  assert.equal(card?.run, run!.id);
  assert.equal(card?.validation_loss, 0.5);
  assert.match(card?.base.fingerprint ?? '', /^[0-9a-f]{64}$/);
  assert.deepEqual(
    (await readAudit(store)).map(({ user, action, adapter }) => [user, action, adapter]),
    [['ada', 'created', 'kind@1']],
  );
});

test('stopping keeps a checkpoint and an adapter, and the run can be resumed as it was started', async () => {
  const { file, store } = await workspace();
  const loaded = await readExperiment(file, ['training.seed=7']);
  const prepared = await newRun(store, loaded, env);
  const controller = new AbortController();
  for await (const event of trainRun(fakeEngine(), prepared, null, controller.signal, env)) {
    if (event.event === 'step' && event.step === 2) controller.abort();
  }
  assert.equal((await readRun(store, prepared.run.id)).state, 'stopped');
  writeFileSync(file, 'changed: meanwhile\n');
  const requests: TrainingRequest[] = [];
  const again = await reopenRun(store, prepared.run.id, env);
  assert.equal(again.run.state, 'running');
  await collect(trainRun(fakeEngine({ requests }), again, null, never, env));
  assert.equal(requests[0]?.resume, true);
  assert.deepEqual(requests[0]?.experiment, loaded.experiment);
  const steps = (await readEvents(store, prepared.run.id)).flatMap((e) => (e.event === 'step' ? [e.step] : []));
  assert.deepEqual(steps, [1, 2, 3, 4]);
  assert.equal((await listAdapters(store)).length, 2);
});

test('a run whose rows are no longer what they were is not resumed on others', async () => {
  const { root, file, store } = await workspace();
  const prepared = await newRun(store, await readExperiment(file), env);
  const controller = new AbortController();
  for await (const event of trainRun(fakeEngine(), prepared, null, controller.signal, env)) {
    if (event.event === 'step' && event.step === 2) controller.abort();
  }
  const { inputs } = await readRun(store, prepared.run.id);
  assert.deepEqual(Object.keys(inputs!.data), ['data.train']);
  writeFileSync(join(root, 't.jsonl'), '{"input_ids": [1, 3]}\n');
  await assert.rejects(reopenRun(store, prepared.run.id, env), /what it reads is not what it was: data\.train/);
  assert.equal((await readRun(store, prepared.run.id)).state, 'stopped');
  writeFileSync(join(root, 't.jsonl'), '{"input_ids": [1, 2]}\n');
  assert.equal((await reopenRun(store, prepared.run.id, env)).resume, true);
});

test('--output takes the adapter instead of the library', async () => {
  const { root, file, store } = await workspace();
  const output = join(root, 'out');
  const prepared = await newRun(store, await readExperiment(file), env);
  const events = await collect(trainRun(fakeEngine(), prepared, output, never, env));
  assert.equal((events.at(-1) as DoneEvent).adapter, output);
  assert.equal(readFileSync(join(output, 'adapter_model.safetensors'), 'utf8'), 'tensors');
  assert.equal((await readCard(output))?.run, prepared.run.id);
  assert.deepEqual(await listAdapters(store), []);
});

test('a wrong request leaves no run behind; a failure in the middle leaves a failed run that says why', async () => {
  const { file, store } = await workspace();
  const loaded = await readExperiment(file);
  const wrong = trainRun(fakeEngine({ failFirst: true }), await newRun(store, loaded, env), null, never, env);
  await assert.rejects(collect(wrong), (error) => SoftpromptError.is(error, 'data-invalid'));
  assert.deepEqual(await listRuns(store), []);
  const prepared = await newRun(store, loaded, env);
  await assert.rejects(collect(trainRun(fakeEngine({ failAt: 3 }), prepared, null, never, env)), /the engine broke/);
  const run = await readRun(store, prepared.run.id);
  assert.equal(run.state, 'failed');
  assert.match(run.error ?? '', /the engine broke/);
  assert.equal(run.checkpoint, 2);
  assert.deepEqual(await listAdapters(store), []);
  assert.equal((await reopenRun(store, run.id, env)).resume, true);
});

test('a run whose reader leaves is stopped, not running for ever', async () => {
  const { file, store } = await workspace();
  const prepared = await newRun(store, await readExperiment(file), env);
  for await (const event of trainRun(fakeEngine(), prepared, null, never, env)) if (event.event === 'step') break;
  assert.equal((await readRun(store, prepared.run.id)).state, 'stopped');
});

test('what cannot be resumed is refused in words', async () => {
  const { file, store } = await workspace();
  const { run } = await newRun(store, await readExperiment(file), env);
  await assert.rejects(reopenRun(store, run.id, env), /still running/);
  await updateRun(store, run.id, { state: 'stopped' });
  await assert.rejects(reopenRun(store, run.id, env), /before its first checkpoint/);
  await updateRun(store, run.id, { state: 'finished', checkpoint: 4 });
  await assert.rejects(reopenRun(store, run.id, env), /is finished/);
  assert.equal(existsSync(join(store, 'adapters')), false);
});

test('an adapter trained from an earlier version of itself names its parent', async () => {
  const { root, file, store } = await workspace();
  await collect(trainRun(fakeEngine(), await newRun(store, await readExperiment(file), env), null, never, env));
  const loaded = await readExperiment(file, ['method.init_from=.softprompt/adapters/kind/1']);
  await collect(trainRun(fakeEngine(), await newRun(store, loaded, env), null, never, env));
  assert.equal((await readCard(join(root, '.softprompt/adapters/kind/2')))?.parent, 1);
  assert.equal((await readCard(join(root, '.softprompt/adapters/kind/1')))?.parent, null);
});

test('what the checks found is on the card; checks that break take no adapter away', async () => {
  for (const failChecks of [false, true]) {
    const { file, store } = await workspace();
    const prepared = await newRun(store, await readExperiment(file), env);
    const done = (await collect(trainRun(fakeEngine({ failChecks }), prepared, null, never, env))).at(-1) as DoneEvent;
    const card = JSON.parse(readFileSync(join(done.adapter, 'card.json'), 'utf8')) as AdapterCard;
    assert.deepEqual(
      card.checks?.map(({ name, passed }) => [name, passed]),
      failChecks ? undefined : [['effect', true]],
    );
  }
});
