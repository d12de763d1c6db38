import { SoftpromptError } from '../foundation/errors.ts';
import { floats, integers, type Tensor } from '../runtime/tensor.ts';
import { biasTensors, causalBias } from './attentionBias.ts';
import type { DecoderSizes } from './decoder.ts';

/** A row of a batch: token ids without padding, and for each position the label that is predicted there. */
export interface LabelledRow {
  readonly inputIds: ArrayLike<number>;
  /** As long as inputIds; -100 is unsupervised. */
  readonly labels: ArrayLike<number>;
  /** Weight of each position's loss; 1 everywhere when absent. */
  readonly weights?: ArrayLike<number>;
}

/** The label of a position that is not supervised. */
export const unsupervised = -100;

/**
 * Checks that ids are tokens of a model: beyond its table the runtime would fail without saying where, or read elsewhere.
 * @throws SoftpromptError token-unknown
 */
export function checkTokens(ids: ArrayLike<number>, vocabulary: number): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (!(id >= 0 && id < vocabulary)) throw new SoftpromptError('token-unknown', { id, vocabulary });
  }
}

/** A batch made into graph inputs. */
export interface LossInputs {
  readonly tensors: Map<string, Tensor>;
  /** For each row, how many of `token_logprobs` are its own, in order. */
  readonly counts: readonly number[];
  /** Real tokens in the batch. */
  readonly tokens: number;
}

/**
 * Inputs of the loss graph for rows that are padded on the right. A label at position t is predicted from the positions
 * before it; the first position's from the last virtual token, so without virtual tokens it does not count. Positions
 * follow the tokens, causal attention never looks right, and so padding cannot change a result. Every token's loss
 * weight is multiplied by `scale`.
 */
export function lossInputs(
  sizes: DecoderSizes,
  rows: readonly LabelledRow[],
  virtual: number,
  hasVirtualHidden: boolean,
  scale = 1,
): LossInputs {
  const time = Math.max(...rows.map((row) => row.inputIds.length), 1);
  const ids = new BigInt64Array(rows.length * time);
  const positions = new BigInt64Array(rows.length * time);
  const supervised: number[] = [];
  const targets: number[] = [];
  const weights: number[] = [];
  const offset = hasVirtualHidden ? virtual : 0;
  let tokens = 0;
  const counts = rows.map((row, r) => {
    const before = targets.length;
    for (let t = 0; t < time; t++) positions[r * time + t] = BigInt(virtual + t);
    for (let t = 0; t < row.inputIds.length; t++) {
      ids[r * time + t] = BigInt(row.inputIds[t]!);
      const label = row.labels[t]!;
      if (label === unsupervised || (t === 0 && !hasVirtualHidden)) continue;
      supervised.push(t === 0 ? virtual - 1 : offset + r * time + t - 1);
      targets.push(label);
      weights.push(scale * (row.weights?.[t] ?? 1));
    }
    tokens += row.inputIds.length;
    return targets.length - before;
  });
  const tensors = new Map<string, Tensor>([
    ['input_ids', { dtype: 'int64', dims: [rows.length, time], data: ids }],
    ['position_ids', { dtype: 'int64', dims: [rows.length, time], data: positions }],
    ...biasTensors(sizes, 'attention_bias', (window) => causalBias(time, virtual, window)),
    ['supervised', integers(supervised)],
    ['targets', integers(targets, [targets.length, 1])],
    ['loss_weights', floats(Float32Array.from(weights), [weights.length, 1])],
    ...virtualInputs(sizes, virtual),
  ]);
  return { tensors, counts, tokens };
}

/** Positions and causal bias of the virtual tokens themselves. */
export function virtualInputs(sizes: DecoderSizes, virtual: number): readonly (readonly [string, Tensor])[] {
  return [
    [
      'virtual_position_ids',
      integers(
        Array.from({ length: virtual }, (_, i) => i),
        [1, virtual],
      ),
    ],
    ...biasTensors(sizes, 'virtual_attention_bias', (window) => causalBias(virtual, 0, window)),
  ];
}
