import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/** A seeded generator whose state can be kept and restored: equal seeds give equal draws on every machine. */
export class Random {
  readonly #generator: RandomGenerator;

  private constructor(generator: RandomGenerator) {
    this.#generator = generator;
  }

  /** The generator of a seed; `stream` separates uses of one seed (initialisation, shuffling ...). */
  static of(seed: number, stream: string): Random {
    let hash = 0x811c9dc5;
    for (const char of stream) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    return new Random(xoroshiro128plus((seed ^ hash) | 0));
  }

  /** A generator that goes on where one with this state stood. */
  static restore(state: readonly number[]): Random {
    return new Random(xoroshiro128plusFromState(state));
  }

  /** The state, for `restore`. */
  get state(): readonly number[] {
    return this.#generator.getState();
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** Uniform among 0 .. count-1. */
  integer(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** Standard normal (Box and Muller, 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}
