import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/** Seeded choices: the same seed makes the same texts on every machine. */
export class Choices {
  readonly #generator: RandomGenerator;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  /** An integer of [from, to], both ends included. */
  integer(from: number, to: number): number {
    return uniformInt(this.#generator, from, to);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return uniformFloat64(this.#generator) < probability;
  }

  /** One entry of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)] as T;
  }

  /** An entry, as often as its weight says. */
  weighted<T>(list: readonly T[], weight: (entry: T) => number): T {
    const total = list.reduce((sum, entry) => sum + weight(entry), 0);
    let rest = uniformFloat64(this.#generator) * total;
    for (const entry of list) {
      rest -= weight(entry);
      if (rest < 0) return entry;
    }
    return list[list.length - 1] as T;
  }

  /** `count` different entries in random order. */
  sample<T>(list: readonly T[], count: number): T[] {
    const pool = [...list];
    for (let i = 0; i < count; i++) {
      const j = this.integer(i, pool.length - 1);
      [pool[i], pool[j]] = [pool[j] as T, pool[i] as T];
    }
    return pool.slice(0, count);
  }
}
