import { sum, type Value } from '../onnx/dims.ts';
import { biasInputs, biasTensors, causalBias } from './attentionBias.ts';
import type { BatchForm } from './batchForms.ts';
import { type Decoder, runLayers, type Stack } from './decoder.ts';
import { frequencyInputs } from './rotaryTables.ts';
import { integerMatrix } from './rowMatrices.ts';
import type { Scope } from './scope.ts';
import { embedWithVirtual } from './tokenEmbedding.ts';
import { repeated, virtualRowsOf, virtualSegment } from './virtualSegment.ts';

/** A decoder's rows, in which a method's suffix may stand. */
export function embedded(scope: Scope, { tokenEmbedding, sizes }: Stack, ids: Value): Value {
  return embedWithVirtual(scope, tokenEmbedding, ids, sizes.vocabulary, scope.hooks.suffixTokens?.(scope.b));
}

/**
 * Rows through a decoder. States are counted over the virtual tokens first (where they have any), then over the batch.
 * Positions follow the tokens.
 */
export const decoderBatch: BatchForm<Decoder> = {
  states: (b, scope, decoder) => {
    const ids = b.graph.input('input_ids', 'int64', ['batch', 'time']);
    const positions = b.graph.input('position_ids', 'int64', ['batch', 'time']);
    const before = virtualSegment(decoder, scope);
    const total = sum([...(before === null ? [] : [before.length]), 'time']);
    const hidden = runLayers(decoder, scope, embedded(scope, decoder, ids), {
      batch: 'batch',
      time: 'time',
      positions,
      bias: biasInputs(b, decoder.sizes, 'attention_bias', [1, 1, 'time', total]),
      past: before === null ? undefined : (layer) => repeated(b, before.keyValue(layer)),
      keep: () => undefined,
    });
    return before?.hidden == null ? hidden : b.concat([before.hidden, hidden], 0);
  },
  inputs: ({ architecture, task }, rows, { virtualTokens, virtualHidden }) => {
    const ids = integerMatrix(rows.map((row) => row.inputIds));
    const time = ids.dims[1]!;
    const virtualRows = virtualRowsOf(architecture.sizes, rows.length);
    const offset = virtualHidden ? virtualTokens * virtualRows : 0;
    const lengths = rows.map((row) => virtualTokens + row.inputIds.length);
    const positions = rows.map(() => Array.from({ length: time }, (_, t) => virtualTokens + t));
    const predicting = (row: number, label: number) =>
      task === 'seq_cls' ? rows[row]!.inputIds.length - 1 : label - 1;
    return {
      tensors: [
        ['input_ids', ids],
        ['position_ids', integerMatrix(positions)],
        ...biasTensors(architecture.sizes, 'attention_bias', (window) => causalBias(time, virtualTokens, window)),
        ...frequencyInputs(architecture.sizes, lengths),
      ],
      // The first token is predicted by the last virtual one.
      stateOf: (row, label) => {
        const t = predicting(row, label);
        return t < 0 ? virtualTokens * (virtualRows === 1 ? 1 : row + 1) - 1 : offset + row * time + t;
      },
      tokens: rows.reduce((n, row) => n + row.inputIds.length, 0),
    };
  },
};
