import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RequestType } from 'vscode-jsonrpc';
import { explain, isAbort, SoftpromptError } from '../foundation/errors.ts';
import { WorkerClient, type WorkerExit } from './client.ts';
import { answer, devices, evaluate, loadModel, train, type WorkerErrorData } from './protocol.ts';

const entry = join(import.meta.dirname, '../../test/fixtures/stubWorker.ts');
const clients: WorkerClient[] = [];

function connect(options: { silenceLimit?: number } = {}): WorkerClient {
  const client = new WorkerClient({ entry, ...options });
  clients.push(client);
  return client;
}

after(() => {
  for (const client of clients) client.dispose();
});

const evaluateNothing = { experiment: 'x', set: [], store: null, adapters: [], runId: null };
const trainNothing = { experiment: 'x', set: [], store: null, resume: null };

test('a request is answered by a process of its own', async () => {
  const client = connect();
  await client.start();
  assert.deepEqual(await client.request(devices, {}), [{ device: 'cpu', works: true, detail: 'stub' }]);
});

test("the worker's error keeps its words and whose fault it was", async () => {
  const client = connect();
  await assert.rejects(client.request(loadModel, { dir: '/broken', device: 'cpu' }), (error) => {
    assert.deepEqual(explain(error), {
      what: '/broken: no such file.',
      todo: 'Check the path.',
      fault: 'request',
    });
    return true;
  });
  await assert.rejects(client.request(evaluate, evaluateNothing), (error) => {
    assert.match(explain(error).what, /Internal error: a bug/);
    return explain(error).fault === 'work';
  });
});

test('a crash in the middle of a request is reported with the last log lines, and the next request works', async () => {
  const client = connect();
  const exits: WorkerExit[] = [];
  client.onExit((exit) => exits.push(exit));
  await assert.rejects(client.request(answer, { text: 'crash' }), (error) => {
    assert.ok(SoftpromptError.is(error, 'worker-exited'));
    assert.equal(error.details.code, 7);
    assert.deepEqual(
      error.details.lastLog,
      Array.from({ length: 20 }, (_, i) => `line ${i + 11}`),
    );
    return true;
  });
  assert.equal(exits.length, 1);
  assert.equal((await client.request(answer, { text: 'again' })).prompt, 'again');
});

test('a killed worker rejects every request under way, naming the signal', async () => {
  const client = connect();
  const requests = ['kill', 'later'].map((text) => client.request(answer, { text }));
  for (const outcome of await Promise.allSettled(requests)) {
    assert.equal(outcome.status, 'rejected');
    const { reason } = outcome as PromiseRejectedResult;
    assert.ok(SoftpromptError.is(reason, 'worker-exited'));
    assert.equal(reason.details.signal, 'SIGKILL');
  }
});

test('requests for the model wait for each other', async () => {
  const client = connect();
  const answers = await Promise.all(['a', 'b', 'c'].map((text) => client.request(answer, { text })));
  assert.deepEqual(
    answers.map(({ base, prompt }) => [prompt, base?.kind === 'text' && base.continuation]),
    [
      ['a', '1'],
      ['b', '1'],
      ['c', '1'],
    ],
  );
});

test('cancelling a training gives its report, with the events before it', async () => {
  const client = connect();
  const steps: number[] = [];
  const controller = new AbortController();
  client.onTrainEvent(({ runId, event }) => {
    assert.equal(runId, 'r');
    if (event.event === 'step') steps.push(event.step);
    if (steps.length === 5) controller.abort();
  });
  const report = await client.request(train, trainNothing, { signal: controller.signal });
  assert.equal(report.reason, 'stopped');
  assert.deepEqual(steps.slice(0, 5), [1, 2, 3, 4, 5]);
});

test('a cancelled request is rejected as cancelled, under way or waiting, and the next one works', async () => {
  const client = connect();
  await client.start();
  const controller = new AbortController();
  const { signal } = controller;
  // The second may still begin: the worker hears of the two cancellations one after the other.
  const requests = ['wait', 'wait'].map((text) => client.request(answer, { text }, { signal }));
  await sleep(50);
  controller.abort();
  for (const outcome of await Promise.allSettled(requests)) {
    assert.ok(outcome.status === 'rejected' && isAbort(outcome.reason));
  }
  assert.equal((await client.request(answer, { text: 'next' })).prompt, 'next');
});

test('a cancellation that arrives together with its request is not lost', { timeout: 20_000 }, async () => {
  const client = connect();
  await client.start();
  for (let i = 0; i < 20; i++) {
    const controller = new AbortController();
    const request = client.request(answer, { text: 'wait' }, { signal: controller.signal });
    // Resumes once the request is sent, before the worker can have begun with it.
    await client.start();
    controller.abort();
    await assert.rejects(request, isAbort);
  }
});

test('malformed parameters and unknown methods are answered with an error, and change nothing', async () => {
  const client = connect();
  await assert.rejects(client.request(answer, { text: 3 } as unknown as { text: string }), /Message answer: text: /);
  const unknown = new RequestType<object, object, WorkerErrorData>('unknown');
  await assert.rejects(client.request(unknown, {}), (error) => SoftpromptError.is(error, 'worker-message'));
  assert.equal((await client.request(devices, {})).length, 1);
});

test('heartbeats arrive; a worker that sends none counts as not responding', { timeout: 20_000 }, async () => {
  const client = connect({ silenceLimit: 2500 });
  const silent = new Promise<{ seconds: number }>((resolve) => client.onUnresponsive(resolve));
  const beat = new Promise<{ residentBytes: number }>((resolve) => client.onHeartbeat(resolve));
  await client.start();
  assert.ok((await beat).residentBytes > 1e6);
  const hanging = client.request(answer, { text: 'hang' });
  assert.deepEqual(await silent, { seconds: 2.5 });
  client.dispose();
  await assert.rejects(hanging, (error) => SoftpromptError.is(error, 'worker-exited'));
});

test('disposing ends the process and refuses later requests', async () => {
  const client = connect();
  const pid = await pidOf(client);
  client.dispose();
  await gone(pid);
  await assert.rejects(client.request(devices, {}), isAbort);
});

test('the worker dies with its parent, even when that is killed', { timeout: 20_000 }, async () => {
  const parent = spawn(
    process.execPath,
    [
      '-e',
      `const c = require('node:child_process').fork(${JSON.stringify(entry)}); console.log(c.pid); setInterval(() => {}, 1e6)`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  await sleep(500);
  parent.kill('SIGKILL');
  await gone(Number(line.toString()));
});

test('another protocol version is refused', async () => {
  const child = fork(entry, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  child.send({ jsonrpc: '2.0', id: 1, method: 'hello', params: { protocolVersion: 0 } });
  const [message] = (await once(child, 'message')) as [{ error: { data: WorkerErrorData } }];
  assert.equal(message.error.data.reason, 'worker-protocol');
  child.kill();
});

/** Process id of a client's worker. */
async function pidOf(client: WorkerClient): Promise<number> {
  return (await client.start()).pid;
}

async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(20);
  }
}
