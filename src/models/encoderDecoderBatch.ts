import type { Builder } from '../onnx/builder.ts';
import { sum } from '../onnx/dims.ts';
import type { EncoderDecoder } from './architecture.ts';
import { biasInputs, biasTensors, bucketInput, causalBias, scoreBias } from './attentionBias.ts';
import type { BatchForm } from './batchForms.ts';
import { type CrossAttention, runLayers } from './decoder.ts';
import { encodedStates, encoderInputs, source } from './encoderBatch.ts';
import { counting, integerMatrix } from './rowMatrices.ts';
import type { Scope } from './scope.ts';
import { embedTokens } from './tokenEmbedding.ts';
import { givenKeyValues, repeated } from './virtualSegment.ts';

/**
 * Rows through an encoder, and what is to be written of each through the decoder. Virtual tokens stand before the
 * encoder's rows; given keys and values before the decoder's, in its self-attention.
 */
export const encoderDecoderBatch: BatchForm<EncoderDecoder> = {
  states: (b, scope, model) => {
    const cross = crossAttention(b, scope, model);
    const written = b.graph.input('decoder_input_ids', 'int64', ['batch', 'time']);
    const before = givenKeyValues(scope, model.decoder.sizes.layers);
    const total = sum([...(before === null ? [] : [before.length]), 'time']);
    const mask = biasInputs(b, model.decoder.sizes, 'attention_bias', [1, 1, 'time', total]);
    return runLayers(model.decoder, scope, embedTokens(scope, model.tokenEmbedding, written), {
      batch: 'batch',
      time: 'time',
      positions: written,
      bias: scoreBias(scope, model.decoder, 'attention_bias', mask, [1, 'time', total]),
      past: before === null ? undefined : (layer) => repeated(b, before.keyValue(layer)),
      keep: () => undefined,
      cross: (layer) => cross[layer]!,
    });
  },
  inputs: ({ architecture }, rows, method) => {
    const { encoder, decoder, startToken } = architecture as EncoderDecoder;
    const ids = integerMatrix(rows.map(({ labels }) => [startToken, ...shifted(labels)]));
    const time = ids.dims[1]!;
    const before = method.virtualHidden ? 0 : method.virtualTokens;
    return {
      tensors: [
        // The encoder has no keys and values before its rows.
        ...encoderInputs(encoder.sizes, rows, method.virtualHidden ? method : { ...method, virtualTokens: 0 }).tensors,
        ['decoder_input_ids', ids],
        ...biasTensors(decoder.sizes, 'attention_bias', (window) => causalBias(time, before, window)),
        ...bucketInput(decoder.sizes, 'attention_bias', [counting(time, before)], [counting(before + time)]),
      ],
      stateOf: (row, label) => row * time + label,
      tokens: rows.reduce((n, row) => n + row.inputIds.length + row.labels.length, 0),
    };
  },
};

/** What each decoder layer attends to: the encoder run over its inputs, its padding hidden. */
export function crossAttention(b: Builder, scope: Scope, model: EncoderDecoder): readonly CrossAttention[] {
  const encoded = encodedStates(b, scope, model.encoder, false);
  const states = model.encoder.final(scope, encoded.states);
  return Array.from({ length: model.decoder.sizes.layers }, (_, layer) => ({
    ...model.crossKeyValue(scope, layer, states, source),
    bias: encoded.mask,
  }));
}

/** Labels but for the last: what the decoder reads after its start token; a label that does not count reads as token 0. */
function shifted(labels: ArrayLike<number>): readonly number[] {
  return Array.from(labels)
    .slice(0, -1)
    .map((label) => Math.max(label, 0));
}
