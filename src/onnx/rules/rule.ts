import type { Builder } from '../builder.ts';
import type { Dim, DType, Value } from '../dims.ts';
import type { Operator, OperatorAttributes } from '../operators.ts';

/** Element type and shape of an output. */
export interface TensorType {
  readonly dtype: DType;
  readonly dims: readonly Dim[];
}

/** What a shape rule sees: the inputs and attributes of the node that is being added. */
export interface ShapeContext<O extends Operator> {
  readonly inputs: readonly Value[];
  readonly attributes: OperatorAttributes[O];
  /** Throws an error that names the tensor. */
  readonly fail: (problem: string) => never;
}

/** What a vector-Jacobian product sees. */
export interface VjpContext<O extends Operator> {
  readonly b: Builder;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: OperatorAttributes[O];
  /** Gradient of the loss with respect to the first output, of its shape. */
  readonly grad: Value;
  /** Gradients of all outputs; null where the loss does not depend on one. */
  readonly grads: readonly (Value | null)[];
  /** Whether the gradient of input i is asked for: no work is done for one that is not. */
  readonly wants: (i: number) => boolean;
}

/** Gradients by input; null where none was asked for or none exists. May be of a broadcast shape: the caller sums it down. */
export type Gradients = readonly (Value | null)[];

/** All that the graph must know about an operator. */
export interface Rule<O extends Operator> {
  readonly shape: (context: ShapeContext<O>) => readonly TensorType[];
  /** 'none': no gradient passes (indices, shapes, comparisons). */
  readonly vjp: ((context: VjpContext<O>) => Gradients) | 'none';
}

/** The rules of some operators. */
export type Rules<O extends Operator> = { readonly [K in O]: Rule<K> };
