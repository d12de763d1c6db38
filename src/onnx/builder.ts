import { SoftpromptError } from '../foundation/errors.ts';
import { type Dim, type DType, positiveAxis, product, type Value } from './dims.ts';
import { Graph } from './graph.ts';

/** Options of a Gemm: op(A) op(B) alpha. */
export interface GemmOptions {
  readonly transA?: 0 | 1;
  readonly transB?: 0 | 1;
  readonly alpha?: number;
  /** What the output is called. */
  readonly name?: string;
}

/**
 * Writes a graph: one method an operator, plus a few that are made of operators. Axes may be negative; shapes are
 * given with symbols and become shape tensors by themselves.
 */
export class Builder {
  readonly graph = new Graph();
  readonly #scalars = new Map<string, Value>();
  readonly #sizes = new Map<string, Value>();

  // Constants.

  /** A float32 constant of rank 0. */
  scalar(x: number): Value {
    return this.#cached(`scalar ${x}`, () =>
      this.graph.constant('scalar', 'float32', [], new Uint8Array(Float32Array.of(x).buffer)),
    );
  }

  /** A float32 constant. */
  floats(name: string, data: Float32Array, dims: readonly number[] = [data.length]): Value {
    return this.graph.constant(name, 'float32', dims, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  /** An int64 constant of rank 1. */
  integers(numbers: readonly number[]): Value {
    return this.#cached(`integers ${numbers}`, () => {
      const data = BigInt64Array.from(numbers, BigInt);
      return this.graph.constant('integers', 'int64', [numbers.length], new Uint8Array(data.buffer));
    });
  }

  // Outputs.

  /** Makes a value an output of the graph under this name. */
  outputAs(name: string, value: Value): void {
    this.graph.output(this.graph.add('Identity', [value], {}, name).outputs[0]!);
  }

  /** x as a constant to differentiation: no gradient goes through. */
  stopGradient(x: Value): Value {
    return this.graph.add('Identity', [x], { stopsGradient: true }).outputs[0]!;
  }

  // Elementwise.

  add(a: Value, b: Value, name?: string): Value {
    return this.graph.add('Add', [a, b], {}, name).outputs[0]!;
  }
  sub(a: Value, b: Value): Value {
    return this.graph.add('Sub', [a, b], {}).outputs[0]!;
  }
  mul(a: Value, b: Value, name?: string): Value {
    return this.graph.add('Mul', [a, b], {}, name).outputs[0]!;
  }
  div(a: Value, b: Value): Value {
    return this.graph.add('Div', [a, b], {}).outputs[0]!;
  }
  /** x times a constant. */
  scale(x: Value, factor: number): Value {
    return factor === 1 ? x : this.mul(x, this.scalar(factor));
  }
  neg(x: Value): Value {
    return this.graph.add('Neg', [x], {}).outputs[0]!;
  }
  exp(x: Value): Value {
    return this.graph.add('Exp', [x], {}).outputs[0]!;
  }
  log(x: Value): Value {
    return this.graph.add('Log', [x], {}).outputs[0]!;
  }
  sqrt(x: Value): Value {
    return this.graph.add('Sqrt', [x], {}).outputs[0]!;
  }
  reciprocal(x: Value): Value {
    return this.graph.add('Reciprocal', [x], {}).outputs[0]!;
  }
  tanh(x: Value): Value {
    return this.graph.add('Tanh', [x], {}).outputs[0]!;
  }
  sigmoid(x: Value): Value {
    return this.graph.add('Sigmoid', [x], {}).outputs[0]!;
  }
  relu(x: Value): Value {
    return this.graph.add('Relu', [x], {}).outputs[0]!;
  }
  erf(x: Value): Value {
    return this.graph.add('Erf', [x], {}).outputs[0]!;
  }
  cos(x: Value): Value {
    return this.graph.add('Cos', [x], {}).outputs[0]!;
  }
  sin(x: Value): Value {
    return this.graph.add('Sin', [x], {}).outputs[0]!;
  }
  gelu(x: Value, approximate: 'none' | 'tanh'): Value {
    return this.graph.add('Gelu', [x], { approximate }).outputs[0]!;
  }
  /** x * sigmoid(x), https://arxiv.org/abs/1702.03118. */
  silu(x: Value): Value {
    return this.mul(x, this.sigmoid(x));
  }
  cast(x: Value, to: DType): Value {
    return x.dtype === to ? x : this.graph.add('Cast', [x], { to }).outputs[0]!;
  }
  greater(a: Value, b: Value): Value {
    return this.graph.add('Greater', [a, b], {}).outputs[0]!;
  }
  where(condition: Value, a: Value, b: Value): Value {
    return this.graph.add('Where', [condition, a, b], {}).outputs[0]!;
  }

  // Matrix products.

  matmul(a: Value, b: Value, name?: string): Value {
    return this.graph.add('MatMul', [a, b], {}, name).outputs[0]!;
  }
  /** alpha op(a) op(b) + c for matrices. */
  gemm(a: Value, b: Value, options: GemmOptions = {}, c?: Value): Value {
    const { transA = 0, transB = 0, alpha = 1, name } = options;
    const inputs = c === undefined ? [a, b] : [a, b, c];
    return this.graph.add('Gemm', inputs, { transA, transB, alpha }, name).outputs[0]!;
  }

  // Reductions and normalisation.

  /** Sum over axes, which stay as 1. */
  reduceSum(x: Value, axes: readonly number[]): Value {
    return this.graph.add('ReduceSum', [x, this.integers(axes)], { axes }).outputs[0]!;
  }
  /** Mean over axes, which stay as 1. */
  reduceMean(x: Value, axes: readonly number[]): Value {
    return this.graph.add('ReduceMean', [x, this.integers(axes)], { axes }).outputs[0]!;
  }
  softmax(x: Value, axis = -1): Value {
    return this.graph.add('Softmax', [x], { axis }).outputs[0]!;
  }
  logSoftmax(x: Value, axis = -1): Value {
    return this.graph.add('LogSoftmax', [x], { axis }).outputs[0]!;
  }
  /** Layer normalisation over the last axis, https://arxiv.org/abs/1607.06450. */
  layerNorm(x: Value, scale: Value, bias: Value, epsilon: number, name?: string): Value {
    return this.graph.add('LayerNormalization', [x, scale, bias], { axis: -1, epsilon }, name).outputs[0]!;
  }
  /** Root-mean-square normalisation over the last axis, https://arxiv.org/abs/1910.07467. */
  rmsNorm(x: Value, scale: Value, epsilon: number, name?: string): Value {
    const attributes = { axis: -1, epsilon, stash_type: 1 } as const;
    return this.graph.add('SimplifiedLayerNormalization', [x, scale], attributes, name).outputs[0]!;
  }
  /** Rotates x `[batch, heads, time, headDim]` by tables `[batch, time, headDim / 2]`. */
  rotaryEmbedding(x: Value, cos: Value, sin: Value): Value {
    return this.graph.add('RotaryEmbedding', [x, cos, sin], {}).outputs[0]!;
  }

  // Movement.

  reshape(x: Value, dims: readonly Dim[], name?: string): Value {
    return this.graph.add('Reshape', [x, this.#reshapeTarget(x, dims)], { dims }, name).outputs[0]!;
  }
  /** x in the shape of another tensor of as many elements. */
  reshapeLike(x: Value, like: Value): Value {
    const target = this.#staticTarget(x, like.dims) ?? this.shape(like);
    return this.graph.add('Reshape', [x, target], { dims: like.dims }).outputs[0]!;
  }
  transpose(x: Value, perm: readonly number[]): Value {
    return this.graph.add('Transpose', [x], { perm }).outputs[0]!;
  }
  /** Transposes the last two axes. */
  swapLast(x: Value): Value {
    const rank = x.dims.length;
    const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
    return this.transpose(x, perm);
  }
  concat(parts: readonly Value[], axis: number): Value {
    return parts.length === 1 ? parts[0]! : this.graph.add('Concat', parts, { axis }).outputs[0]!;
  }
  /** Cuts x along an axis into parts of these sizes. */
  split(x: Value, axis: number, parts: readonly Dim[]): readonly Value[] {
    const sizes = this.shapeTensor(parts);
    return this.graph.add('Split', [x, sizes], { axis: positiveAxis(axis, x.dims.length), parts }).outputs;
  }
  /** Cuts x along an axis into parts as long as the given tensors are: undoes a concat of them. */
  splitLike(x: Value, like: readonly Value[], axis: number): readonly Value[] {
    const at = positiveAxis(axis, x.dims.length);
    const parts = like.map((v) => v.dims[at]!);
    const sizes = parts.every((part) => typeof part === 'number')
      ? this.integers(parts as number[])
      : this.concat(
          like.map((v) => this.shape(v, at, at + 1)),
          0,
        );
    return this.graph.add('Split', [x, sizes], { axis: at, parts }).outputs;
  }
  /** Broadcasts x to dims. */
  expand(x: Value, dims: readonly Dim[]): Value {
    return this.graph.add('Expand', [x, this.shapeTensor(dims)], { dims }).outputs[0]!;
  }
  /** Broadcasts x to the shape of another tensor. */
  expandLike(x: Value, like: Value): Value {
    return this.graph.add('Expand', [x, this.shape(like)], { dims: like.dims }).outputs[0]!;
  }
  gather(table: Value, indices: Value, axis = 0, name?: string): Value {
    return this.graph.add('Gather', [table, indices], { axis }, name).outputs[0]!;
  }
  gatherElements(x: Value, indices: Value, axis: number): Value {
    return this.graph.add('GatherElements', [x, indices], { axis }).outputs[0]!;
  }
  /** data with updates added at indices along an axis. */
  scatterElements(data: Value, indices: Value, updates: Value, axis: number): Value {
    return this.graph.add('ScatterElements', [data, indices, updates], { axis, reduction: 'add' }).outputs[0]!;
  }

  // Shapes as tensors.

  /** The shape of x, or a slice of it, as an int64 tensor. */
  shape(x: Value, start = 0, end = x.dims.length): Value {
    const part = x.dims.slice(start, end);
    if (part.every((dim) => typeof dim === 'number')) return this.integers(part as number[]);
    return this.#cached(
      `shape ${x.name} ${start} ${end}`,
      () => this.graph.add('Shape', [x], { start, end }).outputs[0]!,
    );
  }
  /** A float32 tensor of the shape of x, all elements equal. */
  filledLike(x: Value, value: number): Value {
    return this.graph.add('ConstantOfShape', [this.shape(x)], { dims: x.dims, value }).outputs[0]!;
  }
  /** 0, 1, ... up to a dimension, as an int64 tensor of that many elements. */
  range(dim: Dim): Value {
    const [start, limit, step] = [this.integers([0]), this.shapeTensor([dim]), this.integers([1])];
    const ends = [start, limit, step].map((x) => this.reshape(x, []));
    return this.graph.add('Range', ends, { dims: [dim] }).outputs[0]!;
  }
  /** How many elements x has. */
  countOf(x: Value): Dim {
    return product(x.dims);
  }
  /** An int64 tensor holding dims; symbols are read off an input (or any tensor) that has them. */
  shapeTensor(dims: readonly Dim[]): Value {
    if (dims.every((dim) => typeof dim === 'number')) return this.integers(dims as number[]);
    const parts: Value[] = [];
    let numbers: number[] = [];
    for (const dim of dims) {
      if (typeof dim === 'number') numbers.push(dim);
      else {
        if (numbers.length > 0) parts.push(this.integers(numbers));
        numbers = [];
        parts.push(this.#size(dim));
      }
    }
    if (numbers.length > 0) parts.push(this.integers(numbers));
    return this.concat(parts, 0);
  }

  #size(symbol: string): Value {
    let size = this.#sizes.get(symbol);
    if (size !== undefined) return size;
    const values = [...this.graph.inputs, ...this.graph.nodes.flatMap((node) => node.outputs)];
    const source = values.find((value) => value.dims.includes(symbol));
    if (source === undefined) {
      throw new SoftpromptError('graph-shape', { tensor: symbol, problem: 'no tensor has this dimension' });
    }
    const axis = source.dims.indexOf(symbol);
    size = this.shape(source, axis, axis + 1);
    this.#sizes.set(symbol, size);
    return size;
  }

  #reshapeTarget(x: Value, dims: readonly Dim[]): Value {
    const before = product(x.dims);
    const after = product(dims);
    if (before !== after) {
      throw new SoftpromptError('graph-shape', {
        tensor: x.name,
        problem: `${before} elements cannot become ${after} elements`,
      });
    }
    return this.#staticTarget(x, dims) ?? this.shapeTensor(dims);
  }

  /** A constant target with 0 for axes that stay and at most one -1; null when that does not say it. */
  #staticTarget(x: Value, dims: readonly Dim[]): Value | null {
    const target = dims.map((dim, i) => (typeof dim === 'number' ? dim : x.dims[i] === dim ? 0 : -1));
    return target.filter((size) => size === -1).length <= 1 ? this.integers(target) : null;
  }

  #cached(key: string, make: () => Value): Value {
    let value = this.#scalars.get(key);
    if (value === undefined) {
      value = make();
      this.#scalars.set(key, value);
    }
    return value;
  }
}
