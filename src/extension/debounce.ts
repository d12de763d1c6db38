import type { Disposable } from './events.ts';

/** Timers, so that a test can hold the clock. */
export interface Timers {
  set(callback: () => void, milliseconds: number): unknown;
  clear(timer: unknown): void;
}

/** Node's own timers. */
export const nodeTimers: Timers = {
  set: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Runs `action` once, `milliseconds` after the last call of `trigger`. */
export class Debounced implements Disposable {
  readonly #action: () => void;
  readonly #milliseconds: number;
  readonly #timers: Timers;
  #timer: unknown;

  constructor(action: () => void, milliseconds: number, timers: Timers = nodeTimers) {
    this.#action = action;
    this.#milliseconds = milliseconds;
    this.#timers = timers;
  }

  trigger(): void {
    this.#timers.clear(this.#timer);
    this.#timer = this.#timers.set(this.#action, this.#milliseconds);
  }

  dispose(): void {
    this.#timers.clear(this.#timer);
  }
}

/**
 * Collects values by key and hands them over together, the first `milliseconds` after it came and never more often:
 * what a panel is told of a training run that takes a hundred steps a second.
 */
export class Batcher<T> implements Disposable {
  readonly #flush: (key: string, values: readonly T[]) => void;
  readonly #milliseconds: number;
  readonly #timers: Timers;
  #waiting = new Map<string, T[]>();
  #timer: unknown = null;

  constructor(flush: (key: string, values: readonly T[]) => void, milliseconds: number, timers: Timers = nodeTimers) {
    this.#flush = flush;
    this.#milliseconds = milliseconds;
    this.#timers = timers;
  }

  add(key: string, value: T): void {
    const values = this.#waiting.get(key);
    if (values === undefined) this.#waiting.set(key, [value]);
    else values.push(value);
    this.#timer ??= this.#timers.set(() => this.#handOver(), this.#milliseconds);
  }

  #handOver(): void {
    this.#timer = null;
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const [key, values] of waiting) this.#flush(key, values);
  }

  /** Forgets what waits. */
  dispose(): void {
    this.#timers.clear(this.#timer);
    this.#timer = null;
    this.#waiting.clear();
  }
}
