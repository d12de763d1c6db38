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

/** A sub-block of a layer: its output before the residual sum. */
export interface SubBlockSite {
  readonly layer: number;
  readonly kind: 'attention' | 'mlp';
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
  /** Output of a sub-block: `input` and `output` `[tokens, hidden]`; gives the new output. */
  readonly subBlock?: (b: Builder, site: SubBlockSite, input: Value, output: Value) => Value;
}

/** A model as it is. */
export const noHooks: Hooks = {};
