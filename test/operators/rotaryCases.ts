import { type Dim, showDims } from '../../src/onnx/dims.ts';
import { normal, type OperatorCase } from './operatorCase.ts';

const shapes: readonly (readonly [Dim, number, Dim, number])[] = [
  [2, 3, 4, 6],
  [1, 1, 1, 2],
  ['batch', 2, 'time', 4],
  [2, 3, 19, 64],
];

/** Cases of the rotary embedding. */
export const rotaryCases = {
  RotaryEmbedding: shapes.map(([batch, heads, time, headDim]) => ({
    name: showDims([batch, heads, time, headDim]),
    inputs: [normal(batch, heads, time, headDim), normal(batch, time, headDim / 2), normal(batch, time, headDim / 2)],
    build: (b, x, cos, sin) => [b.rotaryEmbedding(x!, cos!, sin!)],
    reference: (tf, x, cos, sin) => {
      const [left, right] = tf.split(x!, 2, 3);
      const [c, s] = [cos, sin].map((table) => tf.expandDims(table!, 1));
      return [
        tf.concat([tf.sub(tf.mul(left!, c!), tf.mul(right!, s!)), tf.add(tf.mul(right!, c!), tf.mul(left!, s!))], 3),
      ];
    },
    wrt: [0],
  })),
} satisfies Record<string, readonly OperatorCase[]>;
