import { SoftpromptError } from '../foundation/errors.ts';
import { narrowToBFloat16, narrowToFloat16, widenBFloat16, widenFloat16 } from './halfPrecision.ts';

/** Element types that an exported tensor may have, as safetensors calls them. */
export type FloatType = 'F32' | 'F16' | 'BF16';

/** What numbers become in a type, read back; what is too large becomes infinite. */
export const roundings = {
  F32: (values) => values,
  F16: (values) => {
    const read = new Float32Array(values.length);
    widenFloat16(narrowToFloat16(values), read);
    return read;
  },
  BF16: (values) => {
    const read = new Float32Array(values.length);
    widenBFloat16(narrowToBFloat16(values), read);
    return read;
  },
} satisfies Record<FloatType, (values: Float32Array) => Float32Array>;

/**
 * Values as they are read back from a file that holds them as `type`, rounded to nearest.
 * @param name the tensor's, for the error
 * @throws SoftpromptError option-invalid when a number is too large for the type and would become infinite
 */
export function rounded(name: string, values: Float32Array, type: FloatType): Float32Array {
  const read = roundings[type](values);
  const lost = values.findIndex((x, i) => Number.isFinite(x) && !Number.isFinite(read[i]!));
  if (lost === -1) return read;
  const problem = `${type.toLowerCase()} has no number as large as ${values[lost]}, which ${name} holds`;
  throw new SoftpromptError('option-invalid', { option: '--dtype', problem, todo: 'Choose bf16 or f32.' });
}
