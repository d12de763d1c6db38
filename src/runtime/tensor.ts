/** A dense tensor on the host; the last axis is contiguous. */
export type Tensor =
  | { readonly dtype: 'float32'; readonly dims: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'int64'; readonly dims: readonly number[]; readonly data: BigInt64Array };

/** A float32 tensor. */
export type FloatTensor = Extract<Tensor, { dtype: 'float32' }>;

/** Named tensors. */
export type Tensors = ReadonlyMap<string, Tensor>;

/** A float32 tensor over data (not copied). */
export function floats(data: Float32Array, dims: readonly number[] = [data.length]): FloatTensor {
  return { dtype: 'float32', dims, data };
}

/** An int64 tensor of whole numbers. */
export function integers(numbers: ArrayLike<number>, dims: readonly number[] = [numbers.length]): Tensor {
  return { dtype: 'int64', dims, data: BigInt64Array.from(numbers as number[], BigInt) };
}
