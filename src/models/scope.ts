import type { SafetensorsDtype } from '../checkpoint/dtypes.ts';
import type { CheckpointWeights } from '../checkpoint/weights.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Builder } from '../onnx/builder.ts';
import type { DType, Value } from '../onnx/dims.ts';
import type { Hooks, LinearSite, SubBlockSite, WeightLayout } from './sites.ts';

/** Checkpoint element types a model can run from. */
export const weightDtypes: Readonly<Partial<Record<SafetensorsDtype, DType>>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
};

/**
 * What a model's blocks are written with: the graph, the checkpoint's tensors by name, and the hooks. Modules are called
 * by their Hugging Face paths.
 */
export class Scope {
  readonly b: Builder;
  readonly hooks: Hooks;
  readonly #weights: CheckpointWeights;
  readonly #values = new Map<string, Value>();

  constructor(b: Builder, weights: CheckpointWeights, hooks: Hooks) {
    this.b = b;
    this.hooks = hooks;
    this.#weights = weights;
  }

  /** Whether the checkpoint holds a tensor. */
  has(name: string): boolean {
    return this.#weights.tensors.has(name);
  }

  /**
   * A tensor in float32: what a method trains in its place, else the checkpoint's, mapped where it lies.
   * @throws SoftpromptError weight-untrained
   */
  weight(name: string): Value {
    let value = this.#values.get(name);
    if (value === undefined) {
      value = this.hooks.weight?.(name) ?? this.#mapped(name);
      this.#values.set(name, value);
    }
    return value;
  }

  /** y = W x + b over x `[tokens, in]`. */
  linear(
    path: string,
    x: Value,
    { layout = 'out_in', bias = false }: { layout?: WeightLayout; bias?: boolean } = {},
  ): Value {
    const { b, hooks } = this;
    const weight = this.weight(`${path}.weight`);
    const addend = bias ? this.weight(`${path}.bias`) : undefined;
    const [outFeatures, inFeatures] = (layout === 'out_in' ? weight.dims : weight.dims.toReversed()) as number[];
    const site: LinearSite = { path, inFeatures: inFeatures!, outFeatures: outFeatures!, layout, hasBias: bias };
    const input = hooks.linearInput?.(b, site, x) ?? x;
    const y = b.gemm(input, weight, { transB: layout === 'out_in' ? 1 : 0, name: path }, addend);
    return hooks.linear?.(b, site, input, y, { weight, bias: addend }) ?? y;
  }

  /** Layer normalisation by a module's weight and bias. */
  layerNorm(path: string, x: Value, epsilon: number): Value {
    return this.b.layerNorm(x, this.weight(`${path}.weight`), this.weight(`${path}.bias`), epsilon, path);
  }

  /** Root-mean-square normalisation by a module's weight, or (Gemma) by `offset` more than it. */
  rmsNorm(path: string, x: Value, epsilon: number, offset = 0): Value {
    const weight = this.weight(`${path}.weight`);
    const factor = offset === 0 ? weight : this.b.add(weight, this.b.scalar(offset));
    return this.b.rmsNorm(x, factor, epsilon, path);
  }

  /** The residual stream after a sub-block: what it was plus the sub-block's output, normalised where the model does that. */
  subBlock(site: SubBlockSite, residual: Value, output: Value): Value {
    const end = (y: Value): Value => {
      const sum = this.b.add(residual, site.outputNorm?.(y) ?? y);
      return site.postNorm?.(sum) ?? sum;
    };
    return this.hooks.subBlock?.(this.b, site, residual, output, end) ?? end(output);
  }

  /** Rows of an embedding table for ids of any shape. */
  embedding(path: string, ids: Value): Value {
    const { b, hooks } = this;
    const weight = this.weight(`${path}.weight`);
    const y = b.gather(weight, ids, 0, path);
    const [inFeatures, outFeatures] = weight.dims as [number, number];
    const site: LinearSite = { path, inFeatures, outFeatures, layout: 'in_out', hasBias: false };
    return hooks.embedding?.(b, site, ids, y, { weight, bias: undefined }) ?? y;
  }

  #mapped(name: string): Value {
    const info = this.#weights.tensors.get(name);
    if (info === undefined) throw new SoftpromptError('weight-untrained', { dir: this.#weights.dir, tensor: name });
    const { file, offset, bytes, shape } = info;
    const dtype = weightDtypes[info.dtype]!;
    return this.b.cast(this.b.graph.constant(name, dtype, shape, { file, offset, bytes }), 'float32');
  }
}
