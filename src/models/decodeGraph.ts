import { Builder } from '../onnx/builder.ts';
import type { Graph } from '../onnx/graph.ts';
import { type Attachment, attach } from './attachment.ts';
import { biasInputs } from './attentionBias.ts';
import { runLayers, type Segment } from './decoder.ts';
import type { Model } from './model.ts';
import type { KeyValue } from './sites.ts';
import { embedTokens } from './tokenEmbedding.ts';
import { virtualSegment } from './virtualSegment.ts';

/** Names of a layer's keys and values among a graph's inputs (`past`) and outputs (`present`). */
export function cacheNames(kind: 'past' | 'present', layer: number): { readonly key: string; readonly value: string } {
  return { key: `${kind}.${layer}.key`, value: `${kind}.${layer}.value` };
}

/**
 * The graph of inference with a key/value cache. Inputs: `input_ids`, `position_ids` `[batch, time]`, `attention_bias`
 * `[batch, 1, time, past+time]` (one for each window of the layers), `past.L.key` and `.value`
 * `[batch, kvHeads, past, headDim]`, `rows` `[n]` (which of the batch * time rows to give logits for), and the trained
 * tensors. Outputs: `logits` `[n, vocabulary]` and `present.*`,
 * the cache grown by this segment. Virtual tokens are not in this graph: they are the beginning of the cache.
 */
export function buildDecodeGraph(model: Model, attachment: Attachment): Graph {
  const b = new Builder();
  const { architecture } = model;
  const { kvHeads, headDim, layers } = architecture.sizes;
  const ids = b.graph.input('input_ids', 'int64', ['batch', 'time']);
  const rows = b.graph.input('rows', 'int64', ['rows']);
  const past: KeyValue[] = [];
  const input = (name: string) => b.graph.input(name, 'float32', ['batch', kvHeads, 'past', headDim]);
  for (let i = 0; i < layers; i++) {
    const names = cacheNames('past', i);
    past.push({ key: input(names.key), value: input(names.value) });
  }
  const { scope } = attach(b, model, attachment);
  const segment: Segment = {
    batch: 'batch',
    time: 'time',
    positions: b.graph.input('position_ids', 'int64', ['batch', 'time']),
    bias: biasInputs(b, architecture.sizes, 'attention_bias', ['batch', 1, 'time', 'past+time']),
    past: (layer) => past[layer]!,
    keep: (layer, keyValue) => outputCache(b, layer, keyValue),
  };
  const hidden = runLayers(architecture, scope, embedTokens(scope, architecture.tokenEmbedding, ids), segment);
  b.outputAs('logits', architecture.head(scope, b.gather(hidden, rows)));
  return b.graph;
}

/**
 * The graph that runs once when an adapter is swapped in: from its virtual tokens to their keys and values, the
 * beginning of every cache (`present.*`, `[1, kvHeads, virtual, headDim]`). Null when the method has none.
 */
export function buildVirtualGraph(model: Model, attachment: Attachment): Graph | null {
  const b = new Builder();
  const virtual = virtualSegment(model, attach(b, model, attachment).scope);
  if (virtual === null) return null;
  for (let i = 0; i < model.architecture.sizes.layers; i++) outputCache(b, i, virtual.keyValue(i));
  return b.graph;
}

function outputCache(b: Builder, layer: number, { key, value }: KeyValue): void {
  const names = cacheNames('present', layer);
  b.outputAs(names.key, key);
  b.outputAs(names.value, value);
}
