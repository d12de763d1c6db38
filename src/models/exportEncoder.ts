import type { Builder } from '../onnx/builder.ts';
import { type Dim, sum, type Value } from '../onnx/dims.ts';
import type { Encoder } from './architecture.ts';
import { unseen } from './attentionBias.ts';
import { runLayers } from './decoder.ts';
import type { Scope } from './scope.ts';
import { embedWithVirtual } from './tokenEmbedding.ts';
import { givenKeyValues, repeated } from './virtualSegment.ts';

/**
 * The hidden state `[batch, hidden]` that an encoder's classifier reads of each row of `input_ids`, with `attention_mask` and
 * `token_type_ids` as inputs. Virtual tokens are tokens of each row, before its own, and their ids are those behind the
 * vocabulary's; keys and values that are given stand before every row.
 */
export function exportedEncoder(scope: Scope, encoder: Encoder, ids: Value): Value {
  const { b } = scope;
  const { layers, vocabulary } = encoder.sizes;
  const given = b.graph.input('attention_mask', 'int64', ['batch', 'time']);
  const types = b.graph.input('token_type_ids', 'int64', ['batch', 'time']);
  const virtual = scope.hooks.virtualTokens?.(b);
  const within = (virtual?.dims[0] ?? 0) as number;
  const before = givenKeyValues(scope, layers);
  const standing = (before?.length ?? 0) as number;
  const time = sum([within, 'time']);
  const prompt = Array.from({ length: within }, (_, i) => vocabulary + i);
  const read = after(b, prompt, ids);
  const kinds = after(b, new Array<number>(within).fill(0), types);
  const seen = after(b, new Array<number>(standing + within).fill(1), given);
  const hidden = b.where(b.greater(seen, b.integers([0])), b.scalar(0), b.scalar(unseen));
  const mask = b.reshape(hidden, ['batch', 1, 1, seen.dims[1]!]);
  const positions = b.add(b.range(time), b.integers([standing]));
  const states = runLayers(encoder, scope, embedWithVirtual(scope, encoder.tokenEmbedding, read, vocabulary, virtual), {
    batch: 'batch',
    time,
    positions: b.expand(positions, ['batch', time]),
    tokenTypes: kinds,
    bias: () => mask,
    past: before === null ? undefined : (layer) => repeated(b, before.keyValue(layer)),
    keep: () => undefined,
  });
  return b.gather(states, b.cast(rowStarts(b, time), 'int64'));
}

/** Where each row of a batch begins among its batch * time states, float32 `[batch]`, which counts exactly to 2^24. */
export function rowStarts(b: Builder, time: Dim): Value {
  return b.mul(b.cast(b.range('batch'), 'float32'), b.cast(b.shapeTensor([time]), 'float32'));
}

/** The same numbers before every row of int64 `[batch, time]`. */
function after(b: Builder, numbers: readonly number[], rows: Value): Value {
  if (numbers.length === 0) return rows;
  const one = b.reshape(b.integers(numbers), [1, numbers.length]);
  return b.concat([b.expand(one, ['batch', numbers.length]), rows], 1);
}
