import type { Builder } from '../onnx/builder.ts';
import type { Dim, Value } from '../onnx/dims.ts';
import type { Model } from './model.ts';
import { Scope } from './scope.ts';
import type { Hooks } from './sites.ts';

/** Tensors of an attachment, by name; they are inputs of every graph, never constants. */
export interface TrainableSpec {
  readonly name: string;
  readonly dims: readonly number[];
  /** The same with symbols, where graphs should serve every size; `dims` when absent. */
  readonly graphDims?: readonly Dim[];
  /** Whether it stays as it began: stored and given to graphs like the others, but without a gradient. */
  readonly frozen?: boolean;
}

/** How trained tensors act on a model. */
export interface Attachment {
  readonly trainables: readonly TrainableSpec[];
  /** Hooks over the graph's inputs of the trained tensors; what all sites share may be added to the graph at once. */
  readonly hooks: (trained: ReadonlyMap<string, Value>, b: Builder) => Hooks;
  /** A number that training makes small together with the loss of the rows. */
  readonly penalty?: (trained: ReadonlyMap<string, Value>, b: Builder) => Value;
}

/** A model's scope in a graph with something attached, and the inputs declared for the trained tensors. */
export function attach(
  b: Builder,
  model: Model,
  attachment: Attachment,
): { scope: Scope; trained: ReadonlyMap<string, Value> } {
  const trained = new Map(
    attachment.trainables.map(({ name, dims, graphDims }) => [name, b.graph.input(name, 'float32', graphDims ?? dims)]),
  );
  return { scope: new Scope(b, model.weights, attachment.hooks(trained, b)), trained };
}
