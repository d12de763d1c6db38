import assert from 'node:assert/strict';
import { test } from 'node:test';
import { narrowToBFloat16, narrowToFloat16, widenBFloat16, widenFloat16 } from './halfPrecision.ts';

const allBits = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
const formats = [
  { name: 'F16', exponentBits: 5, widen: widenFloat16, narrow: narrowToFloat16 },
  { name: 'BF16', exponentBits: 8, widen: widenBFloat16, narrow: narrowToBFloat16 },
];

for (const { name, exponentBits, widen, narrow } of formats) {
  const widened = new Float32Array(0x10000);
  widen(allBits, widened);
  const mantissaBits = 15 - exponentBits;

  test(`${name}: every pattern has the value IEEE 754 gives it`, () => {
    const bias = 2 ** (exponentBits - 1) - 1;
    for (const bits of allBits) {
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = (bits >> mantissaBits) & (2 ** exponentBits - 1);
      const fraction = (bits & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
      let value = sign * 2 ** (exponent - bias) * (1 + fraction);
      if (exponent === 0) value = sign * 2 ** (1 - bias) * fraction;
      if (exponent === 2 ** exponentBits - 1) value = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
      assert.ok(Object.is(widened[bits], value), `${bits}: ${widened[bits]} is not ${value}`);
    }
  });

  test(`${name}: narrowing gives every value its pattern back and keeps NaN a NaN`, () => {
    const narrowed = narrow(widened);
    for (const bits of allBits) {
      if (Number.isNaN(widened[bits])) {
        const again = new Float32Array(1);
        widen(narrowed.subarray(bits, bits + 1), again);
        assert.ok(Number.isNaN(again[0]));
      } else {
        assert.equal(narrowed[bits], bits);
      }
    }
  });

  test(`${name}: narrowing rounds to nearest, ties to even`, () => {
    const infinity = (2 ** exponentBits - 1) << mantissaBits;
    for (let bits = 0; bits < infinity - 1; bits += 1) {
      const low = widened[bits] as number;
      const high = widened[bits + 1] as number;
      const middle = (low + high) / 2;
      const below = Math.fround(middle - (high - low) / 64);
      const above = Math.fround(middle + (high - low) / 64);
      const even = bits % 2 === 0 ? bits : bits + 1;
      // The spacing of float32's own subnormals hides the neighbours of the smallest values.
      if (below < middle) assert.equal(narrow(Float32Array.of(below))[0], bits);
      if (above > middle) assert.equal(narrow(Float32Array.of(above))[0], bits + 1);
      if (Math.fround(middle) === middle) assert.equal(narrow(Float32Array.of(-middle))[0], even | 0x8000);
    }
    const largest = widened[infinity - 1] as number;
    const step = largest - (widened[infinity - 2] as number);
    assert.equal(narrow(Float32Array.of(Math.fround(largest + step * 0.49)))[0], infinity - 1);
    assert.equal(narrow(Float32Array.of(Math.fround(largest + step / 2)))[0], infinity);
  });
}
