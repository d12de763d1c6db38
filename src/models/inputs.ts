import { floats, integers, type Tensor } from '../runtime/tensor.ts';
import { biasTensors, causalBias } from './attentionBias.ts';
import { batchForms } from './batchForms.ts';
import type { DecoderSizes } from './decoder.ts';
import type { LabelledRow } from './labelledRow.ts';
import type { Model } from './model.ts';
import { withSuffix } from './suffix.ts';
import { supervision } from './supervision.ts';
import { virtualRowsOf } from './virtualSegment.ts';

/** A batch made into graph inputs. */
export interface LossInputs {
  readonly tensors: Map<string, Tensor>;
  /** For each row, how many of `token_logprobs` are its own, in order. */
  readonly counts: readonly number[];
  /** Real tokens in the batch. */
  readonly tokens: number;
}

/** The positions that a method takes up before every row. */
export interface VirtualPositions {
  readonly virtualTokens: number;
  /** Whether they have hidden states, so that the last of them predicts a causal row's first token. */
  readonly virtualHidden: boolean;
  /** How many stand inside every row instead, after what is given and before what is predicted; none when absent. */
  readonly suffixTokens?: number;
}

/**
 * Inputs of the loss graph for rows that are padded on the right. Padding cannot change a result: causal attention never
 * looks right, and where attention looks both ways the bias hides the padding. Every loss weight is multiplied by `scale`.
 */
export function lossInputs(
  model: Model,
  rows: readonly LabelledRow[],
  method: VirtualPositions,
  scale = 1,
): LossInputs {
  const whole = rows.map((row) => withSuffix(row, method.suffixTokens ?? 0, model.architecture.sizes.vocabulary));
  return inputsOf(model, whole, method, scale);
}

function inputsOf(model: Model, rows: readonly LabelledRow[], method: VirtualPositions, scale: number): LossInputs {
  const form = batchForms[model.architecture.kind];
  const { tensors, stateOf, tokens } = form.inputs(model, rows, method);
  const supervised: number[] = [];
  const targets: number[] = [];
  const weights: number[] = [];
  const counts = rows.map((row, r) => {
    const own = supervision(model.task, row, method.virtualHidden);
    for (const { label, target, weight } of own) {
      supervised.push(stateOf(r, label));
      targets.push(target);
      weights.push(scale * weight);
    }
    return own.length;
  });
  const all = new Map<string, Tensor>([
    ...tensors,
    ['supervised', integers(supervised)],
    ['targets', integers(targets, [targets.length, 1])],
    ['loss_weights', floats(Float32Array.from(weights), [weights.length, 1])],
    ...virtualInputs(model.architecture.sizes, method.virtualTokens, rows.length),
  ]);
  return { tensors: all, counts, tokens };
}

/**
 * Positions and causal bias of the virtual tokens themselves, before so many rows. What rotation needs to know of the rows
 * is not among them (`frequencyInputs`).
 */
export function virtualInputs(
  sizes: DecoderSizes,
  virtual: number,
  batch: number,
): readonly (readonly [string, Tensor])[] {
  const rows = virtualRowsOf(sizes, batch);
  const positions = Array.from({ length: rows * virtual }, (_, i) => i % virtual);
  return [
    ['virtual_position_ids', integers(positions, [rows, virtual])],
    ...biasTensors(sizes, 'virtual_attention_bias', (window) => causalBias(virtual, 0, window)),
  ];
}
