import type { Builder } from '../onnx/builder.ts';
import type { Dim, Value } from '../onnx/dims.ts';
import { floats, type Tensor } from '../runtime/tensor.ts';
import type { DecoderSizes } from './decoder.ts';

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
