import type { Scalar, Tensor as TfTensor } from '@tensorflow/tfjs-core';
import { Random } from '../../src/foundation/random.ts';
import { Builder } from '../../src/onnx/builder.ts';
import { differentiate } from '../../src/onnx/differentiate.ts';
import type { Dim, Value } from '../../src/onnx/dims.ts';
import type { Graph } from '../../src/onnx/graph.ts';
import { floats, integers, type Tensor } from '../../src/runtime/tensor.ts';
import type { OperatorCase, Sizes } from './operatorCase.ts';
import type { Tfjs } from './tfjs.ts';

/** A case as a graph: its outputs, and the gradients of a loss that weights every element of them. */
export interface Program {
  readonly graph: Graph;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Indices of the inputs that gradients are taken of. */
  readonly wrt: readonly number[];
  readonly gradients: readonly Value[];
  /** Indices of the outputs that the loss depends on, and the inputs that weight them. */
  readonly lossOf: readonly number[];
  readonly weights: readonly Value[];
}

/** Builds a case's graph. */
export function programOf(operatorCase: OperatorCase): Program {
  const b = new Builder();
  const inputs = operatorCase.inputs.map(({ dtype, dims }, i) => b.graph.input(`x${i}`, dtype, dims));
  const outputs = operatorCase.build(b, ...inputs);
  const wrt = operatorCase.wrt ?? inputs.flatMap((input, i) => (input.dtype === 'float32' ? [i] : []));
  const lossOf = wrt.length === 0 ? [] : (operatorCase.lossOf ?? outputs.map((_, i) => i));
  const weights = lossOf.map((i) => b.graph.input(`weight${i}`, 'float32', outputs[i]!.dims));
  const terms = lossOf.map((of, i) => total(b, b.mul(outputs[of]!, weights[i]!)));
  const gradients =
    terms.length === 0
      ? []
      : differentiate(
          b,
          terms.reduce((x, y) => b.add(x, y)),
          wrt.map((i) => inputs[i]!),
        );
  for (const value of [...outputs, ...gradients]) b.graph.output(value);
  return { graph: b.graph, inputs, outputs, wrt, gradients, lossOf, weights };
}

function total(b: Builder, x: Value): Value {
  const axes = x.dims.map((_, i) => i);
  return axes.length === 0 ? x : b.reshape(b.reduceSum(x, axes), []);
}

/** Draws a case's inputs, in order, and then the weights of its loss. */
export function drawTensors({ inputs }: OperatorCase, program: Program, sizes: Sizes, seed: number): Tensor[] {
  const drawn = inputs.map(({ dtype, dims, draw }, i) => {
    const random = Random.of(seed, `input ${i}`);
    const shape = dims.map((dim) => sizeOf(dim, sizes));
    const data = Float32Array.from({ length: count(shape) }, () => draw(random));
    return dtype === 'float32' ? floats(data, shape) : integers(data, shape);
  });
  const weights = program.weights.map(({ name, dims }) => {
    const random = Random.of(seed, name);
    const shape = dims.map((dim) => sizeOf(dim, sizes));
    // Multiples of 1/64 in [-2, 2), which half precision holds exactly.
    return floats(
      Float32Array.from({ length: count(shape) }, () => (random.integer(256) - 128) / 64),
      shape,
    );
  });
  return [...drawn, ...weights];
}

function sizeOf(dim: Dim, sizes: Sizes): number {
  if (typeof dim === 'number') return dim;
  const termSize = (term: string) =>
    term.split('*').reduce((size, factor) => size * (sizes[factor] ?? Number(factor)), 1);
  return dim.split('+').reduce((size, term) => size + termSize(term), 0);
}

function count(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** The tensors of a run by their names. */
export function feed(program: Program, tensors: readonly Tensor[]): Map<string, Tensor> {
  return new Map([...program.inputs, ...program.weights].map((value, i) => [value.name, tensors[i]!]));
}

/** What TensorFlow.js makes of a case: shapes and elements of the outputs, and gradients in the order of `wrt`. */
export interface Expected {
  readonly outputs: readonly { readonly dims: readonly number[]; readonly data: ArrayLike<number> }[];
  readonly gradients: readonly ArrayLike<number>[];
}

/** Computes a case in TensorFlow.js. */
export function expected(
  tf: Tfjs,
  { inputs, reference }: OperatorCase,
  { wrt, lossOf }: Program,
  tensors: readonly Tensor[],
): Expected {
  const all = tensors.map(({ dtype, data, dims }) =>
    tf.tensor(Array.from(data, Number), [...dims], dtype === 'int64' ? 'int32' : 'float32'),
  );
  const constants = all.slice(0, inputs.length);
  const weights = all.slice(inputs.length);
  const outputs = reference(tf, ...constants).map((tensor) => ({
    dims: tensor.shape,
    data: tensor.dataSync<'float32'>(),
  }));
  const loss = (...trained: TfTensor[]) => {
    const found = reference(tf, ...constants.map((input, i) => trained[wrt.indexOf(i)] ?? input));
    return tf.addN(lossOf.map((of, i) => tf.sum<Scalar>(tf.mul(found[of]!, weights[i]!))));
  };
  const gradients =
    wrt.length === 0
      ? []
      : tf
          .grads(loss)(wrt.map((i) => constants[i]!))
          .map((tensor) => tensor.dataSync());
  return { outputs, gradients };
}
