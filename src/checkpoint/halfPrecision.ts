import { Float16Array } from '@petamoriken/float16';

/*
 * 16-bit floats as bit patterns, to and from float32. Narrowing rounds to nearest, ties to even, as PyTorch does.
 */

/** The value of each of the 65,536 binary16 patterns. */
let binary16Values: Float32Array | undefined;

/** Widens IEEE binary16 (F16) patterns into `target`, which has the same length; exact. */
export function widenFloat16(bits: Uint16Array, target: Float32Array): void {
  binary16Values ??= Float32Array.from(new Float16Array(Uint16Array.from({ length: 0x10000 }, (_, i) => i).buffer));
  for (let i = 0; i < bits.length; i++) target[i] = binary16Values[bits[i] as number] as number;
}

/** Rounds float32 values to IEEE binary16 (F16) patterns; what is too large becomes infinite. */
export function narrowToFloat16(values: Float32Array): Uint16Array {
  const half = new Float16Array(values);
  return new Uint16Array(half.buffer, half.byteOffset, half.length);
}

/** Widens bfloat16 (BF16, the upper half of a float32) patterns into `target`, which has the same length; exact. */
export function widenBFloat16(bits: Uint16Array, target: Float32Array): void {
  const words = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i] as number) << 16;
}

/** Rounds float32 values to bfloat16 (BF16) patterns; a NaN stays a NaN. */
export function narrowToBFloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const nan = (word & 0x7fffffff) > 0x7f800000;
    bits[i] = nan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}
