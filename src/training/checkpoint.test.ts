import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { writeSafetensors } from '../checkpoint/tensorWriting.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Method, StepRule } from '../methods/method.ts';
import { baseModel } from '../methods/table.ts';
import { checkFits, newestCheckpoint, readCheckpoint, type TrainingState, writeCheckpoint } from './checkpoint.ts';
import type { OptimizerName } from './options.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterEach(() => rm(dir, { recursive: true }));

const state: TrainingState = {
  step: 12,
  tensors: new Map([
    ['prompt_embeddings', Float32Array.of(1.5, -0, 1e-42, Number.NaN)],
    ['a:b/c', Float32Array.of(2)],
  ]),
  optimizer: new Map([
    ['prompt_embeddings', { first: Float32Array.of(1, 2, 3, 4), second: Float32Array.of(5, 6, 7, 8) }],
    ['a:b/c', { first: Float32Array.of(0.1), second: Float32Array.of(0.2) }],
  ]),
  memory: new Map([['a:b', Float32Array.of(7, -7)]]),
  best: {
    step: 8,
    loss: 0.1 + 0.2,
    tensors: new Map([
      ['prompt_embeddings', Float32Array.of(9, 9, 9, 9)],
      ['a:b/c', Float32Array.of(8)],
    ]),
  },
  stale: 2,
  seconds: 3.25,
  orderState: [-1, 2 ** 31 - 1, 0, -(2 ** 31)],
};

/** Order of names in the file is the format's, not ours. */
const sorted = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

test('everything comes back as it was written, to the bit', async () => {
  const read = await readCheckpoint(await writeCheckpoint(dir, state));
  for (const key of ['step', 'stale', 'seconds', 'orderState'] as const) assert.deepEqual(read[key], state[key]);
  assert.deepEqual(sorted(read.tensors), sorted(state.tensors));
  assert.deepEqual(sorted(read.optimizer), sorted(state.optimizer));
  assert.deepEqual(sorted(read.memory), sorted(state.memory));
  assert.deepEqual([read.best?.step, read.best?.loss], [state.best!.step, state.best!.loss]);
  assert.deepEqual(sorted(read.best!.tensors), sorted(state.best!.tensors));
});

test('a run that has not been validated has no best', async () => {
  const read = await readCheckpoint(await writeCheckpoint(dir, { ...state, best: null }));
  assert.equal(read.best, null);
});

test('the newest is that of the highest step; other files are none', async () => {
  assert.equal(await newestCheckpoint(join(dir, 'nowhere')), null);
  assert.equal(await newestCheckpoint(dir), null);
  for (const step of [9, 1_000_000, 200_000]) await writeCheckpoint(dir, { ...state, step });
  await writeFile(join(dir, 'step-9999999.safetensors.tmp'), '');
  const newest = (await newestCheckpoint(dir))!;
  assert.equal((await readCheckpoint(newest)).step, 1_000_000);
});

test('a file that no run wrote is refused', async () => {
  const file = join(dir, 'step-000001.safetensors');
  const tensor = (name: string) => ({ name, dtype: 'F32', shape: [1], data: Float32Array.of(1) }) as const;
  const written = JSON.stringify({ step: 1, stale: 0, seconds: 0, orderState: [1, 2, 3, 4], best: null });
  for (const [tensors, metadata] of [
    [[tensor('w')], {}],
    [[tensor('weight:w')], { training_state: '{' }],
    [[tensor('weight:w')], { training_state: '{"step": "1"}' }],
    [[tensor('other:w')], { training_state: written }],
  ] as const) {
    await writeSafetensors(file, tensors, metadata as Record<string, string>);
    await assert.rejects(readCheckpoint(file), (error) => {
      assert.ok(SoftpromptError.is(error, 'checkpoint-foreign'), String(error));
      assert.ok(error.message.includes(file));
      return true;
    });
  }
});

test('a checkpoint of other tensors than the method trains or remembers, or of another optimiser, is refused', () => {
  const own = [
    { name: 'prompt_embeddings', dims: [2, 2] },
    { name: 'a:b/c', dims: [1] },
  ];
  const rule = (length: number): StepRule => ({
    memory: new Map([['a:b', length]]),
    after: () => undefined,
    kept: (tensors) => tensors,
  });
  const methodOf = (trainables: typeof own, afterStep: StepRule | undefined = rule(2)): Method => ({
    ...baseModel,
    ...(afterStep && { afterStep }),
    peftType: 'PROMPT_TUNING',
    trainables,
    config: {},
    initialise: async () => new Map(),
  });
  checkFits('file', state, methodOf(own), 'adamw');
  const [first, second] = own as [(typeof own)[number], (typeof own)[number]];
  const refused = (trainables: typeof own, optim: OptimizerName) =>
    assert.throws(
      () => checkFits('file', state, methodOf(trainables), optim),
      (error) => SoftpromptError.is(error, 'checkpoint-foreign'),
    );
  for (const others of [[first], [first, { ...second, dims: [2] }], [first, { ...second, name: 'other' }], []]) {
    refused(others, 'adamw');
  }
  refused(own, 'adafactor');
  const remembers = (memory: TrainingState['memory'], afterStep?: StepRule) =>
    checkFits('file', { ...state, memory }, methodOf(own, afterStep), 'adamw');
  assert.throws(
    () => remembers(new Map()),
    (error) => SoftpromptError.is(error, 'checkpoint-foreign'),
  );
  assert.throws(
    () => remembers(state.memory, rule(3)),
    (error) => SoftpromptError.is(error, 'checkpoint-foreign'),
  );
});
