/**
 * The element types of a safetensors file with their width in bits, in the order in which the reference writer lays
 * tensors out (widest alignment first; `Dtype` in safetensors/src/tensor.rs, read from the end).
 */
export const dtypeBits = {
  U64: 64,
  I64: 64,
  F64: 64,
  C64: 64,
  F32: 32,
  U32: 32,
  I32: 32,
  BF16: 16,
  F16: 16,
  U16: 16,
  I16: 16,
  F8_E5M2FNUZ: 8,
  F8_E4M3FNUZ: 8,
  F8_E8M0: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  I8: 8,
  U8: 8,
  F6_E3M2: 6,
  F6_E2M3: 6,
  F4: 4,
  BOOL: 8,
} as const;

/** An element type, by its name in the file. */
export type SafetensorsDtype = keyof typeof dtypeBits;

/** Place of each type in the writer's order. */
export const dtypeOrder: ReadonlyMap<string, number> = new Map(Object.keys(dtypeBits).map((dtype, i) => [dtype, i]));

/** Whether a name in a file is one of the types. */
export function isDtype(name: unknown): name is SafetensorsDtype {
  return typeof name === 'string' && Object.hasOwn(dtypeBits, name);
}
