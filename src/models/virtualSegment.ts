import type { Dim, Value } from '../onnx/dims.ts';
import { biasInputs } from './attentionBias.ts';
import { runLayers, type Segment } from './decoder.ts';
import type { Model } from './model.ts';
import type { Scope } from './scope.ts';
import type { KeyValue } from './sites.ts';

/** What stands before every row: its keys and values, and its hidden states where it has any. */
export interface VirtualSegment {
  readonly length: Dim;
  readonly keyValue: (layer: number) => KeyValue;
  /** `[virtual, hidden]`; null for keys and values that come from no hidden state (prefix tuning). */
  readonly hidden: Value | null;
}

/** Runs a method's virtual tokens through the layers, or takes its keys and values as they are. */
export function virtualSegment(model: Model, scope: Scope): VirtualSegment | null {
  const { b, hooks } = scope;
  if (hooks.keyValue !== undefined) {
    const given = Array.from({ length: model.architecture.sizes.layers }, (_, layer) => hooks.keyValue!(b, layer));
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
    bias: biasInputs(b, model.architecture.sizes, 'virtual_attention_bias', [1, 1, length, length]),
    past: undefined,
    keep: (layer, keyValue) => {
      kept[layer] = keyValue;
    },
  };
  const hidden = runLayers(model.architecture, scope, b.reshape(tokens, [1, ...tokens.dims]), segment);
  return { length, keyValue: (layer) => kept[layer]!, hidden };
}
