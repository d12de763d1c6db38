import type { Dim, DType } from './dims.ts';

/**
 * The closed set of operators a graph is made of, each with its attributes. All are ONNX's own (opset 23) but for the one
 * marked, which is ONNX Runtime's. An operator added here must get a rule in `rules/` or nothing compiles.
 */
export interface OperatorAttributes {
  /** Gives a value another name; `stopsGradient`, which is not written to the file, makes it a constant to what trains. */
  Identity: { readonly stopsGradient?: true };
  // Elementwise, one input.
  Neg: NoAttributes;
  Exp: NoAttributes;
  Log: NoAttributes;
  Sqrt: NoAttributes;
  Reciprocal: NoAttributes;
  Tanh: NoAttributes;
  Sigmoid: NoAttributes;
  Relu: NoAttributes;
  Erf: NoAttributes;
  Cos: NoAttributes;
  Sin: NoAttributes;
  /** Gaussian error linear unit; `approximate` 'tanh' is gelu_new. */
  Gelu: { readonly approximate: 'none' | 'tanh' };
  Cast: { readonly to: DType };
  // Elementwise, two inputs, broadcasting.
  Add: NoAttributes;
  Sub: NoAttributes;
  Mul: NoAttributes;
  Div: NoAttributes;
  Greater: NoAttributes;
  /** (condition, a, b), broadcasting. */
  Where: NoAttributes;
  // Matrix products.
  /** [..., m, k] x [..., k, n], batch dimensions broadcast. */
  MatMul: NoAttributes;
  /** alpha * op(A) * op(B) + C with A, B of rank 2 and C broadcast to [m, n]; C may be left out. */
  Gemm: { readonly transA: 0 | 1; readonly transB: 0 | 1; readonly alpha: number };
  // Reductions; dimensions are kept (as 1).
  ReduceSum: { readonly axes: readonly number[] };
  ReduceMean: { readonly axes: readonly number[] };
  Softmax: { readonly axis: number };
  LogSoftmax: { readonly axis: number };
  // Normalisation over the last axis.
  /** (x, scale, bias) to (y, mean, 1/deviation). */
  LayerNormalization: { readonly axis: -1; readonly epsilon: number };
  /** ONNX Runtime's RMS normalisation: (x, scale). */
  SimplifiedLayerNormalization: { readonly axis: -1; readonly epsilon: number; readonly stash_type: 1 };
  /** (x [batch, heads, time, headDim], cos, sin [batch, time, headDim / 2]): rotates halves, as Llama does. */
  RotaryEmbedding: NoAttributes;
  // Movement.
  /** (x, shape). */
  Reshape: StaticShape;
  Transpose: { readonly perm: readonly number[] };
  Concat: { readonly axis: number };
  /** (x, sizes); `parts` are the static sizes, not written to the file. */
  Split: { readonly axis: number; readonly parts: readonly Dim[] };
  /** (x, shape): broadcasts x. */
  Expand: StaticShape;
  /** (table, indices). */
  Gather: { readonly axis: number };
  GatherElements: { readonly axis: number };
  /** (data, indices, updates): adds updates to data. */
  ScatterElements: { readonly axis: number; readonly reduction: 'add' };
  // Shapes as tensors.
  Shape: { readonly start: number; readonly end: number };
  ConstantOfShape: StaticShape & { readonly value: number };
  /** (start, limit, step), int64 of rank 0: start and every further step below the limit. */
  Range: StaticShape;
}

/** The shape that a shape tensor stands for, as far as it is known while building; not written to the file. */
export interface StaticShape {
  readonly dims: readonly Dim[];
}

/** For operators without attributes. */
export type NoAttributes = Readonly<Record<never, never>>;

/** The name of an operator. */
export type Operator = keyof OperatorAttributes;
