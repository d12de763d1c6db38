import { Builder } from '../onnx/builder.ts';
import type { Dim, Value } from '../onnx/dims.ts';
import type { Graph } from '../onnx/graph.ts';
import type { EncoderDecoder } from './architecture.ts';
import { type Attachment, attach } from './attachment.ts';
import { biasInputs, scoreBias } from './attentionBias.ts';
import { type CrossAttention, type Decoder, type DecoderSizes, runLayers, type Segment } from './decoder.ts';
import { embedded } from './decoderBatch.ts';
import { crossAttention } from './encoderDecoderBatch.ts';
import type { Model } from './model.ts';
import type { Scope } from './scope.ts';
import type { KeyValue } from './sites.ts';
import { givenKeyValues, type VirtualSegment, virtualSegment } from './virtualSegment.ts';

/** What a layer's keys and values are: of the positions before, of those and the new ones, or of what an encoder read. */
export type CacheKind = 'past' | 'present' | 'cross';

/** Names of a layer's keys and values among a graph's inputs and outputs. */
export function cacheNames(kind: CacheKind, layer: number): { readonly key: string; readonly value: string } {
  return { key: `${kind}.${layer}.key`, value: `${kind}.${layer}.value` };
}

/** A model that writes. */
type Writer = Decoder | EncoderDecoder;

/**
 * The graph of inference with a key/value cache. Inputs: `input_ids`, `position_ids` `[batch, time]`, `attention_bias`
 * `[batch, 1, time, past+time]` (one for each window of the layers), `past.L.key` and `.value`
 * `[batch, kvHeads, past, headDim]`, `rows` `[n]` (which of the batch * time rows to give logits for), and the trained
 * tensors; behind an encoder `cross.L.key` and `.value` `[batch, heads, source, headDim]` and `source_bias` too. Outputs:
 * `logits` `[n, vocabulary]` and `present.*`, the cache grown by this segment. Virtual tokens are not in this graph: they
 * are the beginning of the cache.
 */
export function buildDecodeGraph(model: Model & { readonly architecture: Writer }, attachment: Attachment): Graph {
  const b = new Builder();
  const { architecture } = model;
  const stack = architecture.kind === 'decoder' ? architecture : architecture.decoder;
  const ids = b.graph.input('input_ids', 'int64', ['batch', 'time']);
  const rows = b.graph.input('rows', 'int64', ['rows']);
  const past = cacheInputs(b, stack.sizes, 'past', 'past');
  const { scope } = attach(b, model, attachment);
  const total = 'past+time';
  const mask = biasInputs(b, stack.sizes, 'attention_bias', ['batch', 1, 'time', total]);
  const segment: Segment = {
    batch: 'batch',
    time: 'time',
    positions: b.graph.input('position_ids', 'int64', ['batch', 'time']),
    bias: scoreBias(scope, stack, 'attention_bias', mask, ['batch', 'time', total]),
    past: (layer) => past[layer]!,
    keep: (layer, keyValue) => outputCache(b, 'present', layer, keyValue),
    ...(architecture.kind === 'encoder_decoder' && { cross: crossInputs(b, stack.sizes) }),
  };
  const hidden = runLayers(stack, scope, embedded(scope, stack, ids), segment);
  b.outputAs('logits', architecture.head(scope, stack.final(scope, b.gather(hidden, rows))));
  return b.graph;
}

/**
 * The graph that reads rows through an encoder, once before anything is written: from what `encoderInputs` makes to every
 * decoder layer's `cross.L.key` and `.value`.
 */
export function buildEncodeGraph(
  model: Model & { readonly architecture: EncoderDecoder },
  attachment: Attachment,
): Graph {
  const b = new Builder();
  const { scope } = attach(b, model, attachment);
  for (const [layer, cross] of crossAttention(b, scope, model.architecture).entries()) {
    outputCache(b, 'cross', layer, cross);
  }
  return b.graph;
}

/**
 * The graph that runs once when an adapter is swapped in: from its virtual tokens to their keys and values, the
 * beginning of every cache (`present.*`, `[1, kvHeads, virtual, headDim]`). Null when the method has none.
 */
export function buildVirtualGraph(model: Model, attachment: Attachment): Graph | null {
  const b = new Builder();
  const virtual = cacheBeginning(model, attach(b, model, attachment).scope);
  if (virtual === null) return null;
  for (let i = 0; i < model.architecture.sizes.layers; i++) outputCache(b, 'present', i, virtual.keyValue(i));
  return b.graph;
}

/** What stands before every row in the cache. An encoder's virtual tokens are tokens of its rows. */
function cacheBeginning({ architecture }: Model, scope: Scope): VirtualSegment | null {
  return architecture.kind === 'decoder'
    ? virtualSegment(architecture, scope)
    : givenKeyValues(scope, architecture.sizes.layers);
}

function cacheInputs(b: Builder, sizes: DecoderSizes, kind: CacheKind, length: Dim): readonly KeyValue[] {
  const { kvHeads, headDim, layers } = sizes;
  const input = (name: string): Value => b.graph.input(name, 'float32', ['batch', kvHeads, length, headDim]);
  return Array.from({ length: layers }, (_, layer) => {
    const names = cacheNames(kind, layer);
    return { key: input(names.key), value: input(names.value) };
  });
}

function crossInputs(b: Builder, sizes: DecoderSizes): (layer: number) => CrossAttention {
  const given = cacheInputs(b, sizes, 'cross', 'source');
  const bias = b.graph.input('source_bias', 'float32', ['batch', 1, 1, 'source']);
  return (layer) => ({ ...given[layer]!, bias });
}

function outputCache(b: Builder, kind: CacheKind, layer: number, { key, value }: KeyValue): void {
  const names = cacheNames(kind, layer);
  b.outputAs(names.key, key);
  b.outputAs(names.value, value);
}
