import type { Tensor } from '@tensorflow/tfjs-core';
import { broadcast, type Dim, showDims } from '../../src/onnx/dims.ts';
import { normal, type OperatorCase } from './operatorCase.ts';
import type { Tfjs } from './tfjs.ts';

const products: readonly (readonly [readonly Dim[], readonly Dim[]])[] = [
  [
    [2, 3],
    [3, 4],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [2, 2, 3],
    [3, 4],
  ],
  [
    [3, 4],
    [2, 4, 2],
  ],
  [
    [2, 1, 2, 3],
    [1, 3, 3, 2],
  ],
  [
    ['batch', 2, 'time', 3],
    ['batch', 2, 3, 'time'],
  ],
  [
    ['batch', 2, 'time', 3],
    ['batch', 1, 3, 4],
  ],
  [
    [2, 3, 17, 64],
    [2, 3, 64, 33],
  ],
  [
    [1, 1000],
    [1000, 3],
  ],
  [
    [2, 40, 96],
    [96, 130],
  ],
];

/** Batched product; TensorFlow.js's own gradient does not undo broadcasting of batches, so it is written out. */
function matMul(tf: Tfjs, a: Tensor, b: Tensor): Tensor {
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)) as number[];
  const widen = (x: Tensor) => tf.broadcastTo(x, [...batch, ...x.shape.slice(-2)]);
  return tf.matMul(widen(a), widen(b));
}

function gemm(
  transA: 0 | 1,
  transB: 0 | 1,
  alpha: number,
  m: Dim,
  addend?: readonly Dim[],
  [k, n]: readonly [number, number] = [3, 4],
): OperatorCase {
  const a: readonly Dim[] = transA ? [k, m] : [m, k];
  const b: readonly Dim[] = transB ? [n, k] : [k, n];
  return {
    name: `transA ${transA}, transB ${transB}, alpha ${alpha}, ${showDims([m, k, n])}, addend ${addend ? showDims(addend) : 'none'}`,
    inputs: [normal(...a), normal(...b), ...(addend ? [normal(...addend)] : [])],
    build: (builder, x, w, c) => [builder.gemm(x!, w!, { transA, transB, alpha }, c)],
    reference: (tf, x, w, c) => {
      const product = tf.mul(tf.matMul(x!, w!, transA === 1, transB === 1), alpha);
      return [c === undefined ? product : tf.add(product, c)];
    },
  };
}

/** Cases of the matrix products. */
export const matrixCases = {
  MatMul: products.map(([a, c]) => ({
    name: `${showDims(a)} x ${showDims(c)}`,
    inputs: [normal(...a), normal(...c)],
    build: (b, x, y) => [b.matmul(x!, y!)],
    reference: (tf, x, y) => [matMul(tf, x!, y!)],
  })),
  Gemm: [
    ...([0, 1] as const).flatMap((transA) =>
      ([0, 1] as const).flatMap((transB) => [
        gemm(transA, transB, 1, 2),
        gemm(transA, transB, 0.5, 2, [4]),
        gemm(transA, transB, -2, 'batch', [1, 4]),
        gemm(transA, transB, 0.25, 37, [130], [96, 130]),
      ]),
    ),
    gemm(0, 1, 1, 2, []),
    gemm(0, 1, 3, 2, [2, 1]),
    gemm(0, 1, 3, 'time', ['time', 4]),
    gemm(0, 0, 1, 1, [1, 1]),
  ],
} satisfies Record<string, readonly OperatorCase[]>;
