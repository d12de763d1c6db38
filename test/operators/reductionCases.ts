import type { Tensor } from '@tensorflow/tfjs-core';
import type { Builder } from '../../src/onnx/builder.ts';
import { type Dim, showDims, type Value } from '../../src/onnx/dims.ts';
import { type CaseInput, normal, type OperatorCase } from './operatorCase.ts';
import type { Tfjs } from './tfjs.ts';

const reductions: readonly (readonly [readonly Dim[], readonly number[]])[] = [
  [[5], [0]],
  [[2, 3], [-1]],
  [
    [2, 3, 4],
    [0, 2],
  ],
  [
    [2, 1, 3],
    [1, -1],
  ],
  [
    [2, 3, 2],
    [0, 1, 2],
  ],
  [['batch', 'time', 4], [1]],
  [
    ['batch', 'time', 4],
    [0, -2],
  ],
  [[3, 1000], [1]],
  [[1000, 3], [0]],
  [
    [4, 65, 64],
    [0, 1],
  ],
];

const axes: readonly (readonly [readonly Dim[], number])[] = [
  [[5], 0],
  [[2, 3], -1],
  [[2, 3, 4], 1],
  [[3, 1], -1],
  [[3, 2], 0],
  [['batch', 2, 'time', 'time'], -1],
  [['batch', 'time', 3], -2],
  [[4, 1025], -1],
  [[2, 3, 16, 130], -1],
  [[1025, 4], 0],
];

const widths: readonly (readonly [readonly Dim[], number])[] = [
  [[], 6],
  [[3], 5],
  [[1, 2], 2],
  [['batch', 'time'], 4],
  [[17], 768],
  [[2, 5], 130],
  [[1], 1027],
];

/** Logits far from zero, where softmax without its shift overflows; multiples of 1/16, so that a small step is exact. */
function large(...dims: Dim[]): CaseInput {
  return { dtype: 'float32', dims, draw: (random) => 128 + random.integer(64) / 16 };
}

function reduce(
  apply: (b: Builder, x: Value, axes: readonly number[]) => Value,
  reference: (tf: Tfjs, x: Tensor, axes: number[]) => Tensor,
): OperatorCase[] {
  return reductions.map(([dims, over]) => ({
    name: `${showDims(dims)} over ${over}`,
    inputs: [normal(...dims)],
    build: (b, x) => [apply(b, x!, over)],
    reference: (tf, x) => [reference(tf, x!, [...over])],
  }));
}

function alongAxis(
  apply: (b: Builder, x: Value, axis: number) => Value,
  reference: (tf: Tfjs, x: Tensor, axis: number) => Tensor,
): OperatorCase[] {
  const cases = axes.map(([dims, axis]) => [normal(...dims), axis] as const);
  return [...cases, [large(2, 5), -1] as const].map(([input, axis], i) => ({
    name: `${i === cases.length ? 'large ' : ''}${showDims(input.dims)} along ${axis}`,
    inputs: [input],
    build: (b, x) => [apply(b, x!, axis)],
    reference: (tf, x) => [reference(tf, x!, axis)],
  }));
}

/** Along any axis; TensorFlow.js's own softmax knows the last axis only. */
function logSoftmax(tf: Tfjs, x: Tensor, axis: number): Tensor {
  return tf.sub(x, tf.logSumExp(x, axis, true));
}

/** Cases of reductions, softmax and normalisation. */
export const reductionCases = {
  ReduceSum: reduce(
    (b, x, over) => b.reduceSum(x, over),
    (tf, x, over) => tf.sum(x, over, true),
  ),
  ReduceMean: reduce(
    (b, x, over) => b.reduceMean(x, over),
    (tf, x, over) => tf.mean(x, over, true),
  ),
  Softmax: alongAxis(
    (b, x, axis) => b.softmax(x, axis),
    (tf, x, axis) => tf.exp(logSoftmax(tf, x, axis)),
  ),
  LogSoftmax: alongAxis(
    (b, x, axis) => b.logSoftmax(x, axis),
    (tf, x, axis) => logSoftmax(tf, x, axis),
  ),
  LayerNormalization: widths.map(([dims, width]) => ({
    name: showDims([...dims, width]),
    inputs: [normal(...dims, width), normal(width), normal(width)],
    build: (b, x, scale, bias) =>
      b.graph.add('LayerNormalization', [x!, scale!, bias!], { axis: -1, epsilon: 1e-2 }).outputs,
    reference: (tf, x, scale, bias) => {
      const mean = tf.mean(x!, -1, true);
      const centred = tf.sub(x!, mean);
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-2));
      return [tf.add(tf.mul(tf.mul(centred, inverse), scale!), bias!), mean, inverse];
    },
    // The statistics are there for the gradient; no loss is made of them.
    lossOf: [0],
  })),
  SimplifiedLayerNormalization: widths.map(([dims, width]) => ({
    name: showDims([...dims, width]),
    inputs: [normal(...dims, width), normal(width)],
    build: (b, x, scale) => [b.rmsNorm(x!, scale!, 1e-2)],
    reference: (tf, x, scale) => {
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x!), -1, true), 1e-2));
      return [tf.mul(tf.mul(x!, inverse), scale!)];
    },
  })),
} satisfies Record<string, readonly OperatorCase[]>;
