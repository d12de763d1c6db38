import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StepEvent, TrainingEvent } from '../training/events.ts';
import type { TrainReport } from '../worker/protocol.ts';
import { Emitter } from './events.ts';
import { Trainings } from './trainings.ts';

const step: StepEvent = {
  event: 'step',
  step: 1,
  epoch: 0,
  loss: 1,
  learning_rate: 0.1,
  grad_norm: 1,
  tokens: 10,
  seconds: 1,
};

/** A session whose trainings end when the test says so. */
function setUp() {
  const events = new Emitter<{ readonly runId: string; readonly event: TrainingEvent }>();
  const started: { signal: AbortSignal; finish(report: TrainReport): void; fail(error: Error): void }[] = [];
  const trainings = new Trainings({
    onTrainEvent: events.event,
    train: (_order, signal) =>
      new Promise((finish, fail) => {
        started.push({ signal, finish, fail });
      }),
  });
  return { trainings, events, started };
}

const order = (experiment: string, resume: string | null = null) => ({
  experiment,
  name: 'e',
  store: '/s',
  resume,
  set: [],
});
const report: TrainReport = { runId: 'r1', adapter: '/a/1', reason: 'finished' };

test('a training is live from its start to its end, and knows its run from the first event on', async () => {
  const { trainings, events, started } = setUp();
  const done = trainings.train(order('/e1'));
  assert.equal(trainings.of('/e1')?.runId, null);
  events.fire({ runId: 'r1', event: step });
  assert.equal(trainings.run('r1')?.experiment, '/e1');
  started[0]?.finish(report);
  assert.equal(await done, report);
  assert.deepEqual(trainings.all, []);
});

test('events of a second training that waits its turn do not go to the first', () => {
  const { trainings, events } = setUp();
  void trainings.train(order('/e1'));
  void trainings.train(order('/e2'));
  events.fire({ runId: 'r1', event: step });
  events.fire({ runId: 'r1', event: { ...step, step: 2 } });
  events.fire({ runId: 'r2', event: step });
  assert.deepEqual([trainings.of('/e1')?.events.length, trainings.of('/e2')?.events.length], [2, 1]);
});

test('stopping cancels the request and shows at once', () => {
  const { trainings, started } = setUp();
  void trainings.train(order('/e1', 'r0'));
  assert.equal(trainings.run('r0')?.experiment, '/e1');
  trainings.stop('/e1');
  assert.ok(started[0]?.signal.aborted);
  assert.ok(trainings.of('/e1')?.stopping);
});

test('a training that fails is no longer live', async () => {
  const { trainings, started } = setUp();
  const done = trainings.train(order('/e1'));
  started[0]?.fail(new Error('broken'));
  await assert.rejects(done, /broken/);
  assert.equal(trainings.of('/e1'), null);
});

test('closing the window stops what trains', () => {
  const { trainings, started } = setUp();
  void trainings.train(order('/e1'));
  trainings.dispose();
  assert.ok(started[0]?.signal.aborted);
});
