import { mersenne } from 'pure-rand/generator/mersenne';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/**
 * The generator of torch on CPUs, for what files leave out because torch can make it again: `torch.manual_seed`, then
 * `Tensor.uniform_` in float32. Where torch's build multiplies and adds in one rounding, as those for x86 do, the bits are
 * equal (aten/src/ATen/core/TransformationHelper.h, uniform_real).
 */
export class TorchRandom {
  readonly #generator: RandomGenerator;

  /** @param seed a whole number, of which torch uses the lowest 32 bits */
  constructor(seed: number) {
    this.#generator = mersenne(Number(BigInt.asIntN(32, BigInt(seed))));
  }

  /** The next numbers, between -bound and bound. */
  uniform(length: number, bound: number): Float32Array {
    const [from, to] = [Math.fround(-bound), Math.fround(bound)];
    const range = Math.fround(to - from);
    return Float32Array.from({ length }, () => ((this.#generator.next() & 0xffffff) / 2 ** 24) * range + from);
  }
}
