import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import type { TrainingEvent } from '../training/events.ts';
import type { Environment } from './environment.ts';
import { EventLog, readEvents } from './eventLog.ts';
import { type LoadedExperiment, parseExperiment } from './experimentFile.ts';
import { createRun, listRuns, readRun, readRunExperiment, runFolder, updateRun, wasKilled } from './runs.ts';

const text = 'model: m\ndata: {train: t.jsonl}\nmethod: {peft_type: FULL}\n';
const loaded = parseExperiment(text, '/w/commit-kind.tune.yaml').loaded as LoadedExperiment;

function environment(time: string, random = () => 0.5): Environment {
  return { now: () => new Date(time), random, pid: process.pid, user: 'ada', host: 'h' };
}

const store = (): string => join(mkdtempSync(join(tmpdir(), 'softprompt-')), '.softprompt');

const step = (n: number): TrainingEvent => ({
  event: 'step',
  step: n,
  epoch: 0,
  loss: n,
  learning_rate: 0,
  grad_norm: 0,
  tokens: 1,
  seconds: 0,
});
const start = (resumed_from: number): TrainingEvent => ({
  event: 'start',
  total_steps: 4,
  resumed_from,
  epochs: 1,
  train_rows: 1,
  validation_rows: 0,
  trainable_parameters: 1,
  total_parameters: 1,
  device: 'cpu',
});

test('a run has a name that sorts by time, and its record and experiment can be read back', async () => {
  const at = store();
  const second = await createRun(at, loaded, environment('2026-11-23T01:45:00Z'));
  const first = await createRun(at, loaded, environment('2026-11-23T01:44:59Z'));
  assert.match(second.id, /^20261123-014500-commit-kind-[0-9a-z]{2}$/);
  await updateRun(at, first.id, { state: 'finished', steps: 9 });
  assert.deepEqual(
    (await listRuns(at)).map((run) => [run.id, run.state, run.steps]),
    [
      [second.id, 'running', 0],
      [first.id, 'finished', 9],
    ],
  );
  assert.deepEqual(await readRunExperiment(at, first), { ...loaded, written: loaded.effective });
});

test('two runs of the same second get different folders', async () => {
  const at = store();
  const env = environment('2026-11-23T01:45:00Z', () => 0.999);
  const ids = [(await createRun(at, loaded, env)).id, (await createRun(at, loaded, env)).id];
  assert.notEqual(ids[0], ids[1]);
});

test('an unknown run is refused, naming the latest', async () => {
  const at = store();
  const { id } = await createRun(at, loaded, environment('2026-11-23T01:45:00Z'));
  await assert.rejects(readRun(at, '../x'), (error: Error) => {
    return SoftpromptError.is(error, 'run-unknown') && error.message.includes(id);
  });
});

test('a folder without a readable record is left out of the list', async () => {
  const at = store();
  await createRun(at, loaded, environment('2026-11-23T01:45:00Z'));
  mkdirSync(runFolder(at, 'half'), { recursive: true });
  mkdirSync(runFolder(at, 'broken'), { recursive: true });
  writeFileSync(join(runFolder(at, 'broken'), 'run.json'), '{"id": ');
  assert.equal((await listRuns(at)).length, 1);
  assert.deepEqual(await listRuns(store()), []);
});

test('a running run whose process is gone was killed', async () => {
  const gone = spawnSync(process.execPath, ['-e', '']).pid;
  const run = await createRun(store(), loaded, { ...environment('2026-11-23T01:45:00Z'), pid: gone });
  assert.equal(wasKilled(run), true);
  assert.equal(wasKilled({ ...run, state: 'failed' }), false);
  assert.equal(wasKilled({ ...run, pid: process.pid }), false);
});

test('the event log tolerates half a last line and continues after it', async () => {
  const at = store();
  const { id } = await createRun(at, loaded, environment('2026-11-23T01:45:00Z'));
  const log = await EventLog.open(at, id);
  await log.append(start(0));
  await log.append(step(1));
  await log.close();
  appendFileSync(join(runFolder(at, id), 'events.jsonl'), '{"event":"step","st');
  assert.deepEqual(await readEvents(at, id), [start(0), step(1)]);
  const again = await EventLog.open(at, id);
  await again.append(step(2));
  await again.close();
  assert.deepEqual(await readEvents(at, id), [start(0), step(1), step(2)]);
  assert.equal(readFileSync(join(runFolder(at, id), 'events.jsonl'), 'utf8').split('\n').length, 4);
});

test('what a killed process did after the checkpoint is no part of the history', async () => {
  const at = store();
  const { id } = await createRun(at, loaded, environment('2026-11-23T01:45:00Z'));
  const log = await EventLog.open(at, id);
  for (const event of [start(0), step(1), step(2), step(3), start(2), step(3), step(4)]) await log.append(event);
  await log.close();
  assert.deepEqual(await readEvents(at, id), [start(0), step(1), step(2), start(2), step(3), step(4)]);
});

test('a run without events has an empty history', async () => {
  const at = store();
  const { id } = await createRun(at, loaded, environment('2026-11-23T01:45:00Z'));
  assert.deepEqual(await readEvents(at, id), []);
});
