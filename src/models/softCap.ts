import type { ModelConfig } from '../checkpoint/config.ts';
import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';

/** cap * tanh(x / cap): x, kept between -cap and cap. As it is where there is no cap. */
export function softCapped(b: Builder, x: Value, cap: number | null): Value {
  return cap === null ? x : b.scale(b.tanh(b.scale(x, 1 / cap)), cap);
}

/** The cap that a config's key holds: null where it says so, `fallback` where it says nothing. */
export function readSoftCap(config: ModelConfig, key: string, fallback: number | null): number | null {
  if (config.raw(key) === null) return null;
  const cap = config.optionalNumber(key) ?? fallback;
  if (cap === null || cap > 0) return cap;
  throw config.invalid(key, `is ${cap}; it must be above 0, or null`);
}
