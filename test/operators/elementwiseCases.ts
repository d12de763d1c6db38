import type { Tensor } from '@tensorflow/tfjs-core';
import { Random } from '../../src/foundation/random.ts';
import type { Builder } from '../../src/onnx/builder.ts';
import { type Dim, showDims, type Value } from '../../src/onnx/dims.ts';
import { type CaseInput, coarse, normal, type OperatorCase, offZero, positive } from './operatorCase.ts';
import type { Tfjs } from './tfjs.ts';

type Unary = (b: Builder, x: Value) => Value;
type Binary = (b: Builder, x: Value, y: Value) => Value;

/** Rank 0, size 1, odd sizes, symbolic, and one too large for a single group of a GPU's threads. */
const shapes: readonly (readonly Dim[])[] = [[], [1], [7], [2, 1, 3], ['batch', 'time', 4], [3, 515]];

/** Broadcasting in both directions, at once too; rank 0; symbols; and random pairs. */
const shapePairs: readonly (readonly [readonly Dim[], readonly Dim[]])[] = [
  [[], []],
  [[3], []],
  [[], [2, 3]],
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[4], [2, 1, 4]],
  [
    [3, 1],
    [1, 4],
  ],
  [
    [2, 1, 3, 1],
    [4, 1, 2],
  ],
  [['batch', 'time', 4], [4]],
  [
    ['batch', 1, 2],
    [1, 'time', 1],
  ],
  [['time'], ['batch', 'time']],
  [
    ['batch', 'time', 68],
    ['batch', 'time', 1],
  ],
  [[5, 33, 64], [64]],
  ...randomPairs(6),
];

function randomPairs(count: number): (readonly [readonly Dim[], readonly Dim[]])[] {
  const random = Random.of(11, 'shapes');
  const some = (dims: readonly number[]): number[] =>
    dims.map((dim) => (random.uniform() < 0.4 ? 1 : dim)).slice(random.integer(dims.length));
  return Array.from({ length: count }, () => {
    const dims = Array.from({ length: 1 + random.integer(4) }, () => 1 + random.integer(3));
    return [some(dims), some(dims)] as const;
  });
}

function unary(
  draw: (...dims: Dim[]) => CaseInput,
  apply: Unary,
  reference: (tf: Tfjs, x: Tensor) => Tensor,
): OperatorCase[] {
  return shapes.map((dims) => ({
    name: showDims(dims),
    inputs: [draw(...dims)],
    build: (b, x) => [apply(b, x!)],
    reference: (tf, x) => [reference(tf, x!)],
  }));
}

function binary(
  draw: (...dims: Dim[]) => CaseInput,
  apply: Binary,
  reference: (tf: Tfjs, x: Tensor, y: Tensor) => Tensor,
): OperatorCase[] {
  return shapePairs.map(([a, c]) => ({
    name: `${showDims(a)} and ${showDims(c)}`,
    inputs: [draw(...a), draw(...c)],
    build: (b, x, y) => [apply(b, x!, y!)],
    reference: (tf, x, y) => [reference(tf, x!, y!)],
  }));
}

function gelu(approximate: 'none' | 'tanh'): OperatorCase[] {
  const gate = (tf: Tfjs, x: Tensor) =>
    approximate === 'none'
      ? tf.erf(tf.mul(x, Math.SQRT1_2))
      : tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, tf.pow(x, 3)))));
  return unary(
    normal,
    (b, x) => b.gelu(x, approximate),
    (tf, x) => tf.mul(tf.mul(x, 0.5), tf.add(gate(tf, x), 1)),
  ).map((c) => ({ ...c, name: `${approximate} ${c.name}` }));
}

/** A frozen weight stored in half precision: 1, -2 and the number nearest to 1/3. */
function constantCast(dtype: 'float16' | 'bfloat16', bits: readonly number[]): OperatorCase {
  const third = dtype === 'float16' ? 1365 / 4096 : 171 / 512;
  return {
    name: `${dtype} constant to float32`,
    inputs: [normal(2, 3)],
    build: (b, x) => {
      const weight = b.graph.constant('weight', dtype, [3], new Uint8Array(Uint16Array.from(bits).buffer));
      return [b.mul(x!, b.cast(weight, 'float32'))];
    },
    reference: (tf, x) => [tf.mul(x!, tf.tensor1d([1, -2, third]))],
  };
}

/** Cases of the elementwise operators. */
export const elementwiseCases = {
  Neg: unary(
    normal,
    (b, x) => b.neg(x),
    (tf, x) => tf.neg(x),
  ),
  Exp: unary(
    normal,
    (b, x) => b.exp(x),
    (tf, x) => tf.exp(x),
  ),
  Log: unary(
    positive,
    (b, x) => b.log(x),
    (tf, x) => tf.log(x),
  ),
  Sqrt: unary(
    positive,
    (b, x) => b.sqrt(x),
    (tf, x) => tf.sqrt(x),
  ),
  Reciprocal: unary(
    positive,
    (b, x) => b.reciprocal(x),
    (tf, x) => tf.reciprocal(x),
  ),
  Tanh: unary(
    normal,
    (b, x) => b.tanh(x),
    (tf, x) => tf.tanh(x),
  ),
  Sigmoid: unary(
    normal,
    (b, x) => b.sigmoid(x),
    (tf, x) => tf.sigmoid(x),
  ),
  Relu: unary(
    offZero,
    (b, x) => b.relu(x),
    (tf, x) => tf.relu(x),
  ),
  Erf: unary(
    normal,
    (b, x) => b.erf(x),
    (tf, x) => tf.erf(x),
  ),
  Cos: unary(
    normal,
    (b, x) => b.cos(x),
    (tf, x) => tf.cos(x),
  ),
  Sin: unary(
    normal,
    (b, x) => b.sin(x),
    (tf, x) => tf.sin(x),
  ),
  Gelu: [...gelu('none'), ...gelu('tanh')],
  Cast: [
    constantCast('float16', [0x3c00, 0xc000, 0x3555]),
    constantCast('bfloat16', [0x3f80, 0xc000, 0x3eab]),
    {
      name: 'float32 to float16 and back',
      inputs: [coarse(2, 3)],
      build: (b, x) => [b.cast(b.cast(x!, 'float16'), 'float32')],
      reference: (_, x) => [x!],
      steps: true,
    },
    {
      name: 'float32 to int64 and back: no gradient',
      inputs: [offZero(2, 3)],
      build: (b, x) => [b.cast(b.cast(x!, 'int64'), 'float32')],
      reference: (tf, x) => [tf.add(tf.mul(x!, 0), tf.tensor(x!.dataSync().map(Math.trunc), x!.shape))],
      steps: true,
    },
  ],
  Add: binary(
    normal,
    (b, x, y) => b.add(x, y),
    (tf, x, y) => tf.add(x, y),
  ),
  Sub: binary(
    normal,
    (b, x, y) => b.sub(x, y),
    (tf, x, y) => tf.sub(x, y),
  ),
  Mul: binary(
    normal,
    (b, x, y) => b.mul(x, y),
    (tf, x, y) => tf.mul(x, y),
  ),
  Div: binary(
    positive,
    (b, x, y) => b.div(x, y),
    (tf, x, y) => tf.div(x, y),
  ),
  Greater: binary(
    normal,
    (b, x, y) => b.cast(b.greater(x, y), 'float32'),
    (tf, x, y) => tf.cast(tf.greater(x, y), 'float32'),
  ).map((c) => ({ ...c, wrt: [] })),
  Where: shapePairs.map(([a, c], i) => ({
    name: `${showDims(a)} and ${showDims(c)}`,
    // The condition is of the one shape or the other, in turn.
    inputs: [normal(...(i % 2 === 0 ? a : c)), normal(...a), normal(...c)],
    build: (b, condition, x, y) => [b.where(b.greater(condition!, b.scalar(0)), x!, y!)],
    reference: (tf, condition, x, y) => [tf.where(tf.greater(condition!, 0), x!, y!)],
    wrt: [1, 2],
  })),
} satisfies Record<string, readonly OperatorCase[]>;
