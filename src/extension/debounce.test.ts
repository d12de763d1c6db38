import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Batcher, Debounced, type Timers } from './debounce.ts';

/** A clock that stands still until it is told otherwise. */
class ManualTimers implements Timers {
  #now = 0;
  #waiting: { at: number; callback: () => void }[] = [];

  set(callback: () => void, milliseconds: number): unknown {
    const timer = { at: this.#now + milliseconds, callback };
    this.#waiting.push(timer);
    return timer;
  }

  clear(timer: unknown): void {
    this.#waiting = this.#waiting.filter((each) => each !== timer);
  }

  pass(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#waiting.filter(({ at }) => at <= this.#now);
    this.#waiting = this.#waiting.filter((each) => !due.includes(each));
    for (const { callback } of due) callback();
  }
}

test('a debounced action runs once, after the last trigger', () => {
  const timers = new ManualTimers();
  let runs = 0;
  const debounced = new Debounced(() => runs++, 100, timers);
  debounced.trigger();
  timers.pass(80);
  debounced.trigger();
  timers.pass(80);
  assert.equal(runs, 0);
  timers.pass(20);
  assert.equal(runs, 1);
  timers.pass(1000);
  assert.equal(runs, 1);
});

test('a thousand points a second arrive complete, in order, in at most ten batches a second', () => {
  const timers = new ManualTimers();
  const batches: (readonly number[])[] = [];
  const batcher = new Batcher<number>((_, values) => batches.push(values), 100, timers);
  for (let point = 0; point < 1000; point++) {
    batcher.add('run', point);
    timers.pass(1);
  }
  timers.pass(100);
  assert.ok(batches.length <= 10, `${batches.length} batches`);
  assert.deepEqual(
    batches.flat(),
    Array.from({ length: 1000 }, (_, point) => point),
  );
});

test('runs that train together keep their points apart', () => {
  const timers = new ManualTimers();
  const got = new Map<string, readonly number[]>();
  const batcher = new Batcher<number>((key, values) => got.set(key, values), 100, timers);
  batcher.add('a', 1);
  batcher.add('b', 2);
  batcher.add('a', 3);
  timers.pass(100);
  assert.deepEqual(
    [...got],
    [
      ['a', [1, 3]],
      ['b', [2]],
    ],
  );
});

test('what waits is forgotten when nobody listens any more', () => {
  const timers = new ManualTimers();
  let flushed = 0;
  const batcher = new Batcher<number>(() => flushed++, 100, timers);
  batcher.add('a', 1);
  batcher.dispose();
  timers.pass(1000);
  assert.equal(flushed, 0);
});
