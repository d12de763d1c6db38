import type { Builder } from '../onnx/builder.ts';
import type { Dim, Value } from '../onnx/dims.ts';
import { biasInputs } from './attentionBias.ts';
import { type DecoderSizes, runLayers, type Segment, type Stack } from './decoder.ts';
import type { Scope } from './scope.ts';
import type { KeyValue } from './sites.ts';

/** What stands before every row: its keys and values, and its hidden states where it has any. */
export interface VirtualSegment {
  readonly length: Dim;
  readonly keyValue: (layer: number) => KeyValue;
  /** `[rows * virtual, hidden]`, of one row or of each of the batch; null for keys and values that come from no hidden state (prefix tuning). */
  readonly hidden: Value | null;
}

/** Keys and values of a method that gives them itself; null where it gives none. */
export function givenKeyValues(scope: Scope, layers: number): VirtualSegment | null {
  const { b, hooks } = scope;
  if (hooks.keyValue === undefined) return null;
  const given = Array.from({ length: layers }, (_, layer) => hooks.keyValue!(b, layer));
  return { length: given[0]!.key.dims[2]!, keyValue: (layer) => given[layer]!, hidden: null };
}

/**
 * Runs a method's virtual tokens through a decoder's layers, or takes its keys and values as they are. They are the same for
 * every row, so they go through once; but where rotation depends on a row's length, once for each row.
 */
export function virtualSegment(decoder: Stack, scope: Scope): VirtualSegment | null {
  const { b, hooks } = scope;
  const given = givenKeyValues(scope, decoder.sizes.layers);
  if (given !== null || hooks.virtualTokens === undefined) return given;
  const tokens = hooks.virtualTokens(b);
  const length = tokens.dims[0]!;
  const rows = decoder.sizes.frequenciesOf === undefined ? 1 : 'batch';
  const kept: KeyValue[] = [];
  const segment: Segment = {
    batch: rows,
    time: length,
    positions: b.graph.input('virtual_position_ids', 'int64', [rows, length]),
    bias: biasInputs(b, decoder.sizes, 'virtual_attention_bias', [1, 1, length, length]),
    past: undefined,
    keep: (layer, keyValue) => {
      kept[layer] = keyValue;
    },
  };
  const embeddings = rows === 1 ? b.reshape(tokens, [1, ...tokens.dims]) : b.expand(tokens, [rows, ...tokens.dims]);
  const hidden = runLayers(decoder, scope, embeddings, segment);
  return { length, keyValue: (layer) => kept[layer]!, hidden };
}

/** Keys and values `[1, ...]` for every row of a batch; those of each row as they are. */
export function repeated(b: Builder, { key, value }: KeyValue): KeyValue {
  const expand = (x: Value) => (x.dims[0] === 'batch' ? x : b.expand(x, ['batch', ...x.dims.slice(1)]));
  return { key: expand(key), value: expand(value) };
}

/** How often the virtual tokens of so many rows go through the layers. */
export function virtualRowsOf({ frequenciesOf }: DecoderSizes, batch: number): number {
  return frequenciesOf === undefined ? 1 : batch;
}
