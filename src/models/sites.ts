import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';

/** How a linear layer's weight lies: torch's Linear is out x in, GPT-2's Conv1D in x out. */
export type WeightLayout = 'out_in' | 'in_out';

/** A linear layer, by its module path in the Hugging Face model. */
export interface LinearSite {
  readonly path: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly layout: WeightLayout;
  readonly hasBias: boolean;
}

/** What a linear layer computes with: its weight, which lies as the site's `layout` says, and its bias `[outFeatures]`. */
export interface LinearParameters {
  readonly weight: Value;
  readonly bias: Value | undefined;
}

/** The end of a sub-block of a layer: its output, before it is added to the residual stream. */
export interface SubBlockSite {
  readonly layer: number;
  readonly kind: 'attention' | 'mlp';
  /** What AdapterHub's `adapters` calls the module that stands there: the end of a layer is no module of transformers'. */
  readonly path: string;
  /** The model's norm after the residual sum; absent where it has none there. */
  readonly postNorm?: (x: Value) => Value;
  /** The model's norm of the output alone, before the residual sum; absent where it has none there. */
  readonly outputNorm?: (x: Value) => Value;
}

/** A site in a layer at `layerPath`, where AdapterHub adds modules of its own for it. */
export function atEnd(layerPath: string, kind: SubBlockSite['kind']): Pick<SubBlockSite, 'kind' | 'path'> {
  return { kind, path: `${layerPath}.${kind === 'attention' ? 'attention' : 'output'}_adapters` };
}

/** Keys and values of one layer, each `[batch, kvHeads, time, headDim]`. */
export interface KeyValue {
  readonly key: Value;
  readonly value: Value;
}

/**
 * The sites at which a method may attach to a model. A model calls every hook at every site and knows of no method; a
 * method gives some of them and knows of no model. A hook that is missing changes nothing.
 */
export interface Hooks {
  /** Rows `[virtual, width]` that stand before every sequence, in the place of token embeddings. */
  readonly virtualTokens?: (b: Builder) => Value;
  /** Rows `[suffix, width]` that stand inside every sequence, where its ids go on from the vocabulary's last. */
  readonly suffixTokens?: (b: Builder) => Value;
  /** A trained tensor in the place of the checkpoint's tensor of this name; undefined keeps the checkpoint's. */
  readonly weight?: (name: string) => Value | undefined;
  /** Input of a linear layer: x `[tokens, inFeatures]`; gives the new x. */
  readonly linearInput?: (b: Builder, site: LinearSite, x: Value) => Value;
  /** Output of a linear layer: x `[tokens, inFeatures]`, y `[tokens, outFeatures]`; gives the new y. */
  readonly linear?: (b: Builder, site: LinearSite, x: Value, y: Value, parameters: LinearParameters) => Value;
  /**
   * Rows of an embedding table, which is a linear layer of one-hot vectors (the weight lies in x out): ids `[...]`, y
   * `[..., outFeatures]`; gives the new y.
   */
  readonly embedding?: (b: Builder, site: LinearSite, ids: Value, y: Value, parameters: LinearParameters) => Value;
  /** Keys and values `[1, kvHeads, virtual, headDim]` that stand before every sequence in a layer. */
  readonly keyValue?: (b: Builder, layer: number) => KeyValue;
  /**
   * The end of a sub-block: its `output` and the residual stream that it is added to, `[tokens, hidden]`; gives the new
   * stream, which `end` makes of an output: the sum, with the norm before or after it where the model has one.
   */
  readonly subBlock?: (
    b: Builder,
    site: SubBlockSite,
    residual: Value,
    output: Value,
    end: (output: Value) => Value,
  ) => Value;
}

/** A model as it is. */
export const noHooks: Hooks = {};
