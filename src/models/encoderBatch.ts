import type { Builder } from '../onnx/builder.ts';
import { sum, type Value } from '../onnx/dims.ts';
import type { Tensor } from '../runtime/tensor.ts';
import type { Encoder } from './architecture.ts';
import { biasInputs, bucketInput, lengthBias, scoreBias } from './attentionBias.ts';
import type { BatchForm } from './batchForms.ts';
import { runLayers, type Stack } from './decoder.ts';
import type { VirtualPositions } from './inputs.ts';
import type { LabelledRow } from './labelledRow.ts';
import { counting, integerMatrix } from './rowMatrices.ts';
import type { Scope } from './scope.ts';
import { embedWithVirtual } from './tokenEmbedding.ts';
import { givenKeyValues, repeated } from './virtualSegment.ts';

/** Dimensions of what an encoder reads. */
export const source = { batch: 'batch', time: 'source' } as const;

/**
 * Rows through an encoder. Every position sees all of its row, so virtual tokens are tokens of each row, before its own;
 * given keys and values stand before every row.
 */
export const encoderBatch: BatchForm<Encoder> = {
  states: (b, scope, encoder) => encodedStates(b, scope, encoder, true).states,
  inputs: ({ architecture }, rows, method) => {
    const { tensors, time } = encoderInputs(architecture.sizes, rows, method);
    return {
      tensors,
      // The classifier reads what stands first, a virtual token where there are any.
      stateOf: (row) => row * time,
      tokens: rows.reduce((n, row) => n + row.inputIds.length, 0),
    };
  },
};

/** What an encoder made of a batch. */
export interface Encoded {
  /** `[batch * source, hidden]`, before the final norm. */
  readonly states: Value;
  /** Hides the padding, `[batch, 1, 1, source]`. */
  readonly mask: Value;
}

/** Declares an encoder's inputs and runs it. */
export function encodedStates(b: Builder, scope: Scope, encoder: Stack, takesKeyValues: boolean): Encoded {
  const { batch, time } = source;
  const ids = b.graph.input('input_ids', 'int64', [batch, time]);
  const positions = b.graph.input('position_ids', 'int64', [batch, time]);
  const tokenTypes = b.graph.input('token_type_ids', 'int64', [batch, time]);
  const before = takesKeyValues ? givenKeyValues(scope, encoder.sizes.layers) : null;
  const total = sum([...(before === null ? [] : [before.length]), time]);
  const mask = biasInputs(b, encoder.sizes, 'source_bias', [batch, 1, 1, total]);
  const embedded = embedWithVirtual(
    scope,
    encoder.tokenEmbedding,
    ids,
    encoder.sizes.vocabulary,
    scope.hooks.virtualTokens?.(b),
  );
  const states = runLayers(encoder, scope, embedded, {
    batch,
    time,
    positions,
    tokenTypes,
    bias: scoreBias(scope, encoder, 'source_bias', mask, [1, time, total]),
    past: before === null ? undefined : (layer) => repeated(b, before.keyValue(layer)),
    keep: () => undefined,
  });
  return { states, mask: mask(0) };
}

/** What fills an encoder's inputs, and the length of its rows, padding and virtual tokens among them included. */
export function encoderInputs(
  sizes: Stack['sizes'],
  rows: readonly Pick<LabelledRow, 'inputIds' | 'tokenTypeIds'>[],
  { virtualTokens, virtualHidden }: VirtualPositions,
): { readonly tensors: readonly (readonly [string, Tensor])[]; readonly time: number } {
  const [within, before] = virtualHidden ? [virtualTokens, 0] : [0, virtualTokens];
  const prompt = counting(within, sizes.vocabulary);
  const ids = integerMatrix(rows.map(({ inputIds }) => [...prompt, ...Array.from(inputIds)]));
  const time = ids.dims[1]!;
  const types = rows.map(({ inputIds, tokenTypeIds }) => [
    ...counting(within).map(() => 0),
    ...Array.from(tokenTypeIds ?? Array.from(inputIds, () => 0)),
  ]);
  const tensors: readonly (readonly [string, Tensor])[] = [
    ['input_ids', ids],
    ['token_type_ids', integerMatrix(types)],
    ['position_ids', integerMatrix(rows.map(() => counting(time, before)))],
    [
      'source_bias',
      lengthBias(
        rows.map(({ inputIds }) => before + within + inputIds.length),
        before + time,
      ),
    ],
    ...bucketInput(sizes, 'source_bias', [counting(time)], [counting(time)]),
  ];
  return { tensors, time };
}
