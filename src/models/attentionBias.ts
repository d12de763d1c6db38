import type { Builder } from '../onnx/builder.ts';
import type { Dim, Value } from '../onnx/dims.ts';
import { floats, type Tensor } from '../runtime/tensor.ts';
import type { DecoderSizes, Stack } from './decoder.ts';
import { bucketTensor } from './relativePositions.ts';
import type { Scope } from './scope.ts';

/**
 * Added to the score of a key that must not be seen. Not -Infinity: a row of nothing else would become NaN. Large enough
 * that its exponential is 0 in float32.
 */
export const unseen = -1e9;

/** Declares a segment's bias, one graph input for each distinct window of the layers; gives each layer's. */
export function biasInputs(
  b: Builder,
  sizes: DecoderSizes,
  name: string,
  dims: readonly Dim[],
): (layer: number) => Value {
  const inputs = new Map(
    distinctWindows(sizes).map((window) => [window, b.graph.input(inputName(name, window), 'float32', dims)] as const),
  );
  return (layer) => inputs.get(windowOf(sizes, layer))!;
}

/**
 * What each layer adds to its scores: its mask (of `biasInputs` under this name) and, in stacks with relative positions, what
 * distances add, for which the buckets `[rows, time, keys]` are declared.
 */
export function scoreBias(
  scope: Scope,
  stack: Stack,
  name: string,
  mask: (layer: number) => Value,
  bucketDims: readonly Dim[],
): (layer: number) => Value {
  const { b } = scope;
  if (stack.relativeBias === undefined) return mask;
  const relative = stack.relativeBias(scope, b.graph.input(bucketName(name), 'int64', bucketDims));
  const sums = new Map<Value, Value>();
  return (layer) => {
    const own = mask(layer);
    let sum = sums.get(own);
    if (sum === undefined) {
      sum = b.add(own, relative);
      sums.set(own, sum);
    }
    return sum;
  };
}

/** The tensor of the buckets that `scoreBias` declares under this name; none for sizes without relative positions. */
export function bucketInput(
  { relative }: DecoderSizes,
  name: string,
  queries: readonly ArrayLike<number>[],
  keys: readonly ArrayLike<number>[],
): readonly (readonly [string, Tensor])[] {
  return relative === undefined ? [] : [[bucketName(name), bucketTensor(relative, queries, keys)]];
}

/** `[rows, 1, 1, width]`: every position sees the first keys of its row, as many as it has. */
export function lengthBias(lengths: readonly number[], width: number): Tensor {
  const bias = new Float32Array(lengths.length * width);
  for (const [r, length] of lengths.entries()) bias.fill(unseen, r * width + length, (r + 1) * width);
  return floats(bias, [lengths.length, 1, 1, width]);
}

function bucketName(name: string): string {
  return `${name}.buckets`;
}

/**
 * The same made in the graph from what stands there: `[1, 1, time, virtual + time]` of a segment of `time` positions after
 * `virtual` others. Gives each layer's bias and the segment's positions, int64 `[time]`.
 */
export function causalBiasInGraph(
  b: Builder,
  sizes: DecoderSizes,
  virtual: number,
  time: Dim,
): { readonly bias: (layer: number) => Value; readonly positions: Value } {
  // Positions are compared as float32, which counts exactly to 2^24.
  const queries = b.add(b.cast(b.range(time), 'float32'), b.scalar(virtual));
  const keys = virtual === 0 ? queries : b.concat([b.cast(b.range(virtual), 'float32'), queries], 0);
  const total = keys.dims[0]!;
  const rows = b.reshape(queries, [time, 1]);
  const hide = (condition: Value, otherwise: Value) => b.where(condition, b.scalar(unseen), otherwise);
  const after = hide(b.greater(keys, rows), b.scalar(0));
  const biases = new Map(
    distinctWindows(sizes).map((window) => {
      const seen =
        window === Number.POSITIVE_INFINITY ? after : hide(b.greater(b.sub(rows, b.scalar(window - 1)), keys), after);
      return [window, b.reshape(seen, [1, 1, time, total])] as const;
    }),
  );
  return { bias: (layer) => biases.get(windowOf(sizes, layer))!, positions: b.cast(queries, 'int64') };
}

/** The tensors of the inputs that `biasInputs` declares under this name. */
export function biasTensors(
  sizes: DecoderSizes,
  name: string,
  make: (window: number) => Tensor,
): readonly (readonly [string, Tensor])[] {
  return distinctWindows(sizes).map((window) => [inputName(name, window), make(window)] as const);
}

/**
 * `[1, 1, time, past + time]`: every position sees itself and what stands before it, the past included, as far back as
 * its window of keys (itself among them) reaches.
 */
export function causalBias(time: number, past: number, window: number): Tensor {
  const width = past + time;
  const bias = new Float32Array(time * width);
  for (let t = 0; t < time; t++) {
    const row = bias.subarray(t * width, (t + 1) * width);
    row.fill(unseen, 0, Math.max(0, past + t + 1 - window));
    row.fill(unseen, past + t + 1);
  }
  return floats(bias, [1, 1, time, width]);
}

function windowOf({ windows }: DecoderSizes, layer: number): number {
  return windows?.[layer] ?? Number.POSITIVE_INFINITY;
}

function distinctWindows(sizes: DecoderSizes): readonly number[] {
  return [...new Set(Array.from({ length: sizes.layers }, (_, layer) => windowOf(sizes, layer)))];
}

function inputName(name: string, window: number): string {
  return window === Number.POSITIVE_INFINITY ? name : `${name}.${window}`;
}
