import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter, type RequestType } from 'vscode-jsonrpc';
import type { EvaluationProgress } from '../evaluation/result.ts';
import { isAbort, SoftpromptError } from '../foundation/errors.ts';
import type { TrainingEvent } from '../training/events.ts';
import type { WorkerExit } from '../worker/client.ts';
import { saveCombined, type WorkerErrorData } from '../worker/protocol.ts';
import { type WorkerConnection, WorkerSession } from './workerSession.ts';

const never = new AbortController().signal;
const place = { dir: '/models/tiny', device: 'auto' };

interface Asked {
  readonly method: string;
  readonly params: unknown;
  readonly signal: AbortSignal | undefined;
  answer(result: unknown): void;
  fail(error: Error): void;
}

/** A worker without a process: requests wait until the test answers them, or are answered at once by `auto`. */
class FakeWorker implements WorkerConnection {
  readonly asked: Asked[] = [];
  auto = true;
  starts = 0;
  readonly exits = new Emitter<WorkerExit>();
  readonly onTrainEvent = new Emitter<{ readonly runId: string; readonly event: TrainingEvent }>().event;
  readonly onEvaluateProgress = new Emitter<EvaluationProgress>().event;
  readonly onWorkProgress = new Emitter<{ readonly done: number; readonly all: number }>().event;
  readonly onHeartbeat = new Emitter<{ readonly residentBytes: number }>().event;
  readonly onLog = new Emitter<string>().event;
  readonly onUnresponsive = new Emitter<{ readonly seconds: number }>().event;
  readonly onExit = this.exits.event;

  async start() {
    this.starts++;
    return { protocolVersion: 1, pid: 1, node: 'v0' };
  }

  request<P, R>(
    type: RequestType<P, R, WorkerErrorData>,
    params: P,
    options: { signal?: AbortSignal } = {},
  ): Promise<R> {
    return new Promise((resolve, reject) => {
      this.asked.push({
        method: type.method,
        params,
        signal: options.signal,
        answer: (result) => resolve(result as R),
        fail: reject,
      });
      if (this.auto) resolve({ method: type.method } as R);
    });
  }

  dispose(): void {
    this.exits.dispose();
  }

  get methods(): string[] {
    return this.asked.map(({ method }) => method);
  }
}

function setUp(adapter: string | null = null): { session: WorkerSession; worker: FakeWorker } {
  const worker = new FakeWorker();
  return { session: new WorkerSession(() => worker, adapter), worker };
}

/** Has the model and the adapter loaded, and forgets what was asked for it. */
async function warmUp(session: WorkerSession, worker: FakeWorker): Promise<void> {
  await session.answer('warm up', place, never);
  worker.asked.length = 0;
}

/** Lets everything that can go on go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('work of its own keeps the model that is loaded, and waits for what came before', async () => {
  const { session, worker } = setUp();
  await warmUp(session, worker);
  worker.auto = false;
  const trained = session.train({ experiment: '/e', name: 'e', store: '/s', resume: null, set: [] }, never);
  const saved = session.work('saving', saveCombined, { store: '/s', name: 'n' }, never);
  await settle();
  assert.deepEqual(worker.methods, ['train']);
  worker.asked[0]?.answer({});
  await trained;
  await settle();
  assert.equal(session.state.activity, 'saving');
  worker.asked[1]?.answer({ adapter: '/a' });
  assert.deepEqual(await saved, { adapter: '/a' });
  assert.deepEqual(worker.methods, ['train', 'saveCombined']);
  assert.equal(session.state.model !== null, true);
});

test('nothing is started before the first request', async () => {
  const { session, worker } = setUp('/a/1');
  await settle();
  assert.equal(worker.starts, 0);
  assert.equal(session.state.worker, 'off');
});

test('the model and the remembered adapter are loaded with the first answer, and only then', async () => {
  const { session, worker } = setUp('/a/1');
  await session.answer('x', place, never);
  await session.answer('y', place, never);
  assert.deepEqual(worker.methods, ['loadModel', 'activate', 'answer', 'answer']);
});

test('another model or device is loaded anew, and the adapter made active on it again', async () => {
  const { session, worker } = setUp('/a/1');
  await session.answer('x', place, never);
  await session.answer('x', { ...place, device: 'cpu' }, never);
  assert.deepEqual(worker.methods.slice(3), ['loadModel', 'activate', 'answer']);
});

test('requests take turns, and one that is cancelled while it waits is never sent', async () => {
  const { session, worker } = setUp();
  await warmUp(session, worker);
  worker.auto = false;
  const controller = new AbortController();
  const first = session.answer('first', place, never);
  const second = session.answer('second', place, controller.signal);
  const third = session.answer('third', place, never);
  await settle();
  assert.deepEqual(worker.methods, ['answer']);
  controller.abort();
  await assert.rejects(second, isAbort);
  worker.asked[0]?.answer({});
  await first;
  await settle();
  assert.deepEqual(worker.asked[1]?.params, { text: 'third' });
  worker.asked[1]?.answer({});
  await third;
  assert.equal(session.state.activity, null);
});

test('a swap while the worker is busy takes effect with the next answer', async () => {
  const { session, worker } = setUp();
  await warmUp(session, worker);
  worker.auto = false;
  const training = session.train({ experiment: '/e', store: '/s', resume: null, set: [], name: 'e' }, never);
  await settle();
  assert.equal(await session.activate('/a/2', place, never), null);
  assert.equal(session.state.adapter, '/a/2');
  worker.auto = true;
  worker.asked[0]?.answer({});
  await training;
  await session.answer('x', place, never);
  assert.deepEqual(worker.methods, ['train', 'activate', 'answer']);
});

test('an adapter that does not fit leaves the one before', async () => {
  const { session, worker } = setUp('/a/1');
  await warmUp(session, worker);
  worker.auto = false;
  const swap = session.activate('/bad', place, never);
  await settle();
  worker.asked[0]?.fail(new Error('does not fit'));
  await assert.rejects(swap, /does not fit/);
  assert.equal(session.state.adapter, '/a/1');
});

test('after a crash the next request loads the model and the adapter again', async () => {
  const { session, worker } = setUp('/a/1');
  const crashes: WorkerExit[] = [];
  session.onCrash((exit) => crashes.push(exit));
  await session.answer('x', place, never);
  worker.auto = false;
  const lost = session.answer('y', place, never);
  await settle();
  const exit = { code: null, signal: 'SIGKILL', lastLog: ['out of memory'] };
  worker.exits.fire(exit);
  worker.asked.at(-1)?.fail(new SoftpromptError('worker-exited', exit));
  await assert.rejects(lost, (error) => SoftpromptError.is(error, 'worker-exited'));
  assert.deepEqual(crashes, [exit]);
  assert.deepEqual([session.state.worker, session.state.model, session.state.adapter], ['crashed', null, '/a/1']);
  worker.auto = true;
  await session.answer('z', place, never);
  assert.deepEqual(worker.methods.slice(4), ['loadModel', 'activate', 'answer']);
  assert.equal(session.state.worker, 'running');
});

test('an export is of the model it was asked about, and leaves the active adapter', async () => {
  const { session, worker } = setUp('/a/1');
  await session.answer('x', place, never);
  const order = { adapter: '/a/2', format: 'gguf', dtype: 'f16', output: '/o.gguf' } as const;
  await session.exportAdapter(order, place, never);
  assert.deepEqual(worker.asked.at(-1)?.params, order);
  await session.exportAdapter(order, { ...place, dir: '/models/other' }, never);
  assert.deepEqual(worker.methods.slice(3), ['exportAdapter', 'loadModel', 'exportAdapter']);
});

test('after an evaluation, which swaps by itself, the active adapter is made active again', async () => {
  const { session, worker } = setUp('/a/1');
  await session.answer('x', place, never);
  await session.evaluate(
    { experiment: '/e', store: '/s', adapters: [], runId: null, name: 'e' },
    place,
    never,
    () => {},
  );
  await session.answer('y', place, never);
  assert.deepEqual(worker.methods.slice(3), ['evaluate', 'activate', 'answer']);
});
