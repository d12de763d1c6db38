import type { Tensor, Tensor1D } from '@tensorflow/tfjs-core';
import { type Dim, positiveAxis, showDims } from '../../src/onnx/dims.ts';
import { index, normal, type OperatorCase } from './operatorCase.ts';
import type { Tfjs } from './tfjs.ts';

const reshapes: readonly (readonly [readonly Dim[], readonly Dim[]])[] = [
  [
    [2, 6],
    [3, 4],
  ],
  [[1], []],
  [[], [1, 1]],
  [
    ['batch', 'time', 4],
    ['batch*time', 4],
  ],
  [
    ['batch', 'time', 4],
    ['batch', 'time', 2, 2],
  ],
  [
    ['batch', 'time', 4],
    ['time', 'batch', 4],
  ],
];

const transposes: readonly (readonly [readonly Dim[], readonly number[]])[] = [
  [[3], [0]],
  [
    [2, 3],
    [1, 0],
  ],
  [
    [2, 3, 4],
    [2, 0, 1],
  ],
  [
    ['batch', 'time', 2, 3],
    [0, 2, 1, 3],
  ],
  [
    [5, 33, 4, 16],
    [0, 2, 1, 3],
  ],
  [
    [65, 130],
    [1, 0],
  ],
];

const concats: readonly (readonly [number, readonly (readonly Dim[])[]])[] = [
  [0, [[2], [3]]],
  [
    -1,
    [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
  ],
  [
    1,
    [
      ['batch', 2, 3],
      ['batch', 'time', 3],
    ],
  ],
  [
    -2,
    [
      ['batch', 'time', 2],
      ['batch', 'time', 2],
    ],
  ],
  [
    1,
    [
      [3, 20, 64],
      [3, 33, 64],
    ],
  ],
];

const expands: readonly (readonly [readonly Dim[], readonly Dim[]])[] = [
  [
    [1, 3],
    [4, 3],
  ],
  [[], [2, 3]],
  [[3], [2, 2, 3]],
  [
    [2, 1],
    [2, 1],
  ],
  [
    [1, 4],
    ['batch', 4],
  ],
  [
    ['batch', 1, 2],
    ['batch', 'time', 2],
  ],
];

/** Table, indices, axis. */
const gathers: readonly (readonly [readonly Dim[], readonly Dim[], number])[] = [
  [[3, 4], [6], 0],
  [[3], [5], 0],
  [[3, 4], [2, 3], 0],
  [[3, 4], [], 0],
  [[2, 3, 2], [4], 1],
  [[2, 3], [2, 2], -1],
  [[3, 4], ['batch', 'time'], 0],
  [['batch', 3, 2], ['time'], 1],
  [[100, 64], [300], 0],
];

/** Data, indices, axis. */
const alongAxis: readonly (readonly [readonly Dim[], readonly Dim[], number])[] = [
  [[3], [5], 0],
  [[3, 2], [4, 2], 0],
  [[2, 3], [2, 4], 1],
  [[2, 3, 2], [2, 5, 2], -2],
  [['batch', 'time', 3], ['batch', 'time', 1], -1],
  [[7, 130], [50, 130], 0],
];

/** Where each element of indices lies in data, both flattened. */
function flatPositions(tf: Tfjs, data: readonly number[], indices: Tensor, axis: number): Tensor1D {
  const strides = data.map((_, i) => data.slice(i + 1).reduce((a, b) => a * b, 1));
  const at = positiveAxis(axis, data.length);
  const chosen = indices.dataSync();
  const flat = Array.from(chosen, (index, position) => {
    let rest = position;
    let offset = 0;
    for (let i = data.length - 1; i >= 0; i--) {
      const size = indices.shape[i]!;
      offset += strides[i]! * (i === at ? index : rest % size);
      rest = Math.floor(rest / size);
    }
    return offset;
  });
  return tf.tensor1d(flat, 'int32');
}

/** Cases of the operators that move elements or make tensors from shapes. */
export const movementCases = {
  Identity: [
    {
      name: '[2, 3]',
      inputs: [normal(2, 3)],
      build: (b, x) => b.graph.add('Identity', [x!], {}).outputs,
      reference: (_, x) => [x!],
    },
  ],
  Reshape: reshapes.map(([from, to]) => ({
    name: `${showDims(from)} to ${showDims(to)}`,
    inputs: [normal(...from)],
    build: (b, x) => [b.reshape(x!, to)],
    reference: (tf, x) => {
      const size = (dim: Dim): number =>
        typeof dim === 'number' ? dim : dim.includes('*') ? -1 : x!.shape[from.indexOf(dim)]!;
      return [tf.reshape(x!, to.map(size))];
    },
  })),
  Transpose: transposes.map(([dims, perm]) => ({
    name: `${showDims(dims)} by ${perm}`,
    inputs: [normal(...dims)],
    build: (b, x) => [b.transpose(x!, perm)],
    reference: (tf, x) => [tf.transpose(x!, [...perm])],
  })),
  Concat: concats.map(([axis, parts]) => ({
    name: `${parts.map(showDims).join(' and ')} along ${axis}`,
    inputs: parts.map((dims) => normal(...dims)),
    build: (b, ...inputs) => [b.concat(inputs, axis)],
    reference: (tf, ...inputs) => [tf.concat(inputs, positiveAxis(axis, parts[0]!.length))],
  })),
  Split: [
    {
      name: '[2, 6] along -1',
      inputs: [normal(2, 6)],
      build: (b, x) => b.split(x!, -1, [1, 3, 2]),
      reference: (tf, x) => tf.split(x!, [1, 3, 2], 1),
    },
    {
      name: '[4, 2] along 0, a part unused',
      inputs: [normal(4, 2)],
      build: (b, x) => b.split(x!, 0, [1, 2, 1]).filter((_, i) => i !== 1),
      reference: (tf, x) => tf.split(x!, [1, 2, 1], 0).filter((_, i) => i !== 1),
    },
    {
      name: '[2, 33, 192] along -1',
      inputs: [normal(2, 33, 192)],
      build: (b, x) => b.split(x!, -1, [64, 64, 64]),
      reference: (tf, x) => tf.split(x!, [64, 64, 64], 2),
    },
    {
      name: '[batch, time + 2, 3] into symbolic parts',
      inputs: [normal('batch', 'time', 3), normal('batch', 2, 3)],
      build: (b, x, y) => b.split(b.concat([x!, y!], 1), 1, [2, 'time']),
      reference: (tf, x, y) => tf.split(tf.concat([x!, y!], 1), [2, x!.shape[1]!], 1),
    },
  ],
  Expand: expands.map(([from, to]) => ({
    name: `${showDims(from)} to ${showDims(to)}`,
    // The second input has the symbols that the first may lack.
    inputs: [normal(...from), normal(...to)],
    build: (b, x, like) => [b.mul(b.expand(x!, to), like!)],
    reference: (tf, x, like) => [tf.mul(x!, like!)],
    wrt: [0],
  })),
  Gather: gathers.map(([table, indices, axis]) => ({
    name: `${showDims(indices)} of ${showDims(table)} along ${axis}`,
    inputs: [normal(...table), index(3, ...indices)],
    build: (b, x, i) => [b.gather(x!, i!, axis)],
    reference: (tf, x, i) => [tf.gather(x!, tf.cast(i!, 'int32'), positiveAxis(axis, table.length))],
  })),
  GatherElements: alongAxis.map(([data, indices, axis]) => ({
    name: `${showDims(indices)} of ${showDims(data)} along ${axis}`,
    inputs: [normal(...data), index(data.at(axis) === 2 ? 2 : 3, ...indices)],
    build: (b, x, i) => [b.gatherElements(x!, i!, axis)],
    reference: (tf, x, i) => {
      const positions = flatPositions(tf, x!.shape, i!, axis);
      return [tf.reshape(tf.gather(tf.reshape(x!, [-1]), positions), i!.shape)];
    },
  })),
  ScatterElements: alongAxis.map(([data, indices, axis]) => ({
    name: `${showDims(indices)} into ${showDims(data)} along ${axis}`,
    inputs: [normal(...data), index(3, ...indices), normal(...indices)],
    build: (b, x, i, updates) => [b.scatterElements(x!, i!, updates!, axis)],
    reference: (tf, x, i, updates) => {
      const positions = flatPositions(tf, x!.shape, i!, axis);
      const places = tf.oneHot(positions, x!.size, 1, 0, 'float32');
      const added = tf.matMul(tf.reshape(updates!, [1, -1]), places);
      return [tf.add(x!, tf.reshape(added, x!.shape))];
    },
  })),
  Shape: [
    {
      name: 'all of [batch, 3, time]',
      inputs: [normal('batch', 3, 'time')],
      build: (b, x) => [b.shape(x!)],
      reference: (tf, x) => [tf.tensor1d(x!.shape, 'int32')],
      wrt: [],
    },
    {
      name: 'a slice of [batch, 3, time]',
      inputs: [normal('batch', 3, 'time')],
      build: (b, x) => [b.shape(x!, 1, 3)],
      reference: (tf, x) => [tf.tensor1d(x!.shape.slice(1), 'int32')],
      wrt: [],
    },
  ],
  Range: [
    {
      name: 'as long as an axis of [batch, 3]',
      inputs: [normal('batch', 3)],
      build: (b, x) => [b.range(x!.dims[0]!)],
      reference: (tf, x) => [tf.range(0, x!.shape[0]!, 1, 'int32')],
      wrt: [],
    },
    {
      name: 'of a number',
      inputs: [normal('batch', 3)],
      build: (b, x) => [b.range(x!.dims[1]!)],
      reference: (tf) => [tf.range(0, 3, 1, 'int32')],
      wrt: [],
    },
  ],
  ConstantOfShape: [
    {
      name: 'like [batch, 3]',
      inputs: [normal('batch', 3)],
      build: (b, x) => [b.filledLike(x!, -2.5)],
      reference: (tf, x) => [tf.fill(x!.shape, -2.5)],
      wrt: [],
    },
    {
      name: 'like a tensor of rank 0',
      inputs: [normal()],
      build: (b, x) => [b.filledLike(x!, 1)],
      reference: (tf) => [tf.scalar(1)],
      wrt: [],
    },
  ],
} satisfies Record<string, readonly OperatorCase[]>;
