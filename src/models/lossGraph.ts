import { Builder } from '../onnx/builder.ts';
import { differentiate } from '../onnx/differentiate.ts';
import { type Dim, sum, type Value } from '../onnx/dims.ts';
import type { Graph } from '../onnx/graph.ts';
import { biasInputs } from './attentionBias.ts';
import { runLayers, type Segment } from './decoder.ts';
import type { Model } from './model.ts';
import { Scope } from './scope.ts';
import type { Hooks, KeyValue } from './sites.ts';
import { embedTokens } from './tokenEmbedding.ts';

/** Tensors that are trained, by name; they are inputs of every graph, never constants. */
export interface TrainableSpec {
  readonly name: string;
  readonly dims: readonly number[];
  /** The same with symbols, where graphs should serve every size; `dims` when absent. */
  readonly graphDims?: readonly Dim[];
}

/** How trained tensors act on a model. */
export interface Attachment {
  readonly trainables: readonly TrainableSpec[];
  /** Hooks over the graph's inputs of the trained tensors; what all sites share may be added to the graph at once. */
  readonly hooks: (trained: ReadonlyMap<string, Value>, b: Builder) => Hooks;
}

/** Name of the graph output that holds a trained tensor's gradient. */
export function gradientName(trainable: string): string {
  return `gradient:${trainable}`;
}

/**
 * The graph of the loss of a batch of rows, right-padded.
 * Inputs: what `lossInputs` (inputs.ts) makes, and the trained tensors. Outputs: `loss` (sum of weight times negative
 * log-probability), `token_logprobs` `[supervised]` and, `withGradients`, one gradient for each trained tensor.
 * Virtual tokens are the same for every row, so they go through the layers once, not once a row.
 */
export function buildLossGraph(model: Model, attachment: Attachment, withGradients: boolean): Graph {
  const b = new Builder();
  const ids = b.graph.input('input_ids', 'int64', ['batch', 'time']);
  const positions = b.graph.input('position_ids', 'int64', ['batch', 'time']);
  const supervised = b.graph.input('supervised', 'int64', ['supervised']);
  const targets = b.graph.input('targets', 'int64', ['supervised', 1]);
  const lossWeights = b.graph.input('loss_weights', 'float32', ['supervised', 1]);
  const trained = trainedInputs(b, attachment);
  const scope = new Scope(b, model.weights, attachment.hooks(trained, b));
  const { decoder } = model;

  const before = virtualSegment(model, scope);
  const total = sum([...(before === null ? [] : [before.length]), 'time']);
  const segment: Segment = {
    batch: 'batch',
    time: 'time',
    positions,
    bias: biasInputs(b, decoder.sizes, 'attention_bias', [1, 1, 'time', total]),
    past: before === null ? undefined : (layer) => repeated(b, before.keyValue(layer)),
    keep: () => undefined,
  };
  const hidden = runLayers(decoder, scope, embedTokens(scope, decoder.tokenEmbedding, ids), segment);
  // Rows are counted over the virtual tokens first (where they have hidden states), then over the batch.
  const rows = before?.hidden == null ? hidden : b.concat([before.hidden, hidden], 0);
  const logits = decoder.head(scope, b.gather(rows, supervised));
  const logprobs = b.gatherElements(b.logSoftmax(logits), targets, 1);
  const loss = b.neg(b.reshape(b.reduceSum(b.mul(logprobs, lossWeights), [0, 1]), []));

  b.outputAs('loss', loss);
  b.outputAs('token_logprobs', b.reshape(logprobs, ['supervised']));
  if (withGradients) {
    const gradients = differentiate(b, loss, [...trained.values()]);
    for (const [i, { name }] of attachment.trainables.entries()) b.outputAs(gradientName(name), gradients[i]!);
  }
  return b.graph;
}

/** What stands before every row: its keys and values, and its hidden states where it has any. */
interface VirtualSegment {
  readonly length: Dim;
  readonly keyValue: (layer: number) => KeyValue;
  /** `[virtual, hidden]`; null for keys and values that come from no hidden state (prefix tuning). */
  readonly hidden: Value | null;
}

/** Runs a method's virtual tokens through the layers, or takes its keys and values as they are. */
export function virtualSegment(model: Model, scope: Scope): VirtualSegment | null {
  const { b, hooks } = scope;
  if (hooks.keyValue !== undefined) {
    const given = Array.from({ length: model.decoder.sizes.layers }, (_, layer) => hooks.keyValue!(b, layer));
    return { length: given[0]!.key.dims[2]!, keyValue: (layer) => given[layer]!, hidden: null };
  }
  if (hooks.virtualTokens === undefined) return null;
  const tokens = hooks.virtualTokens(b);
  const length = tokens.dims[0]!;
  const kept: KeyValue[] = [];
  const segment: Segment = {
    batch: 1,
    time: length,
    positions: b.graph.input('virtual_position_ids', 'int64', [1, length]),
    bias: biasInputs(b, model.decoder.sizes, 'virtual_attention_bias', [1, 1, length, length]),
    past: undefined,
    keep: (layer, keyValue) => {
      kept[layer] = keyValue;
    },
  };
  const hidden = runLayers(model.decoder, scope, b.reshape(tokens, [1, ...tokens.dims]), segment);
  return { length, keyValue: (layer) => kept[layer]!, hidden };
}

/** Declares the trained tensors as inputs of a graph. */
export function trainedInputs(b: Builder, { trainables }: Attachment): ReadonlyMap<string, Value> {
  return new Map(
    trainables.map(({ name, dims, graphDims }) => [name, b.graph.input(name, 'float32', graphDims ?? dims)] as const),
  );
}

/** Keys and values `[1, ...]` for every row of a batch. */
function repeated(b: Builder, { key, value }: KeyValue): KeyValue {
  const expand = (x: Value) => b.expand(x, ['batch', ...x.dims.slice(1)]);
  return { key: expand(key), value: expand(value) };
}
