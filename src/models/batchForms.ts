import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import type { Tensor } from '../runtime/tensor.ts';
import type { Architecture, ArchitectureKind } from './architecture.ts';
import { decoderBatch } from './decoderBatch.ts';
import { encoderBatch } from './encoderBatch.ts';
import { encoderDecoderBatch } from './encoderDecoderBatch.ts';
import type { VirtualPositions } from './inputs.ts';
import type { LabelledRow } from './labelledRow.ts';
import type { Model } from './model.ts';
import type { Scope } from './scope.ts';

/** A batch's own graph inputs. */
export interface BatchInputs {
  readonly tensors: readonly (readonly [string, Tensor])[];
  /** Which of the hidden states a row's label is predicted from. */
  readonly stateOf: (row: number, label: number) => number;
  /** Real tokens. */
  readonly tokens: number;
}

/** How a batch of rows goes through a kind of model: the graph, and beside it what fills its inputs. */
export interface BatchForm<A extends Architecture = Architecture> {
  /** Declares the inputs and gives the hidden states of all positions, `[states, hidden]`, before the final norm. */
  readonly states: (b: Builder, scope: Scope, architecture: A) => Value;
  readonly inputs: (model: Model, rows: readonly LabelledRow[], method: VirtualPositions) => BatchInputs;
}

type FormOf<K extends ArchitectureKind> = BatchForm<Extract<Architecture, { kind: K }>>;

const forms: { readonly [K in ArchitectureKind]: FormOf<K> } = {
  decoder: decoderBatch,
  encoder: encoderBatch,
  encoder_decoder: encoderDecoderBatch,
};

/** By kind; a form is asked about models of its own kind alone. */
export const batchForms = forms as Readonly<Record<ArchitectureKind, BatchForm>>;
