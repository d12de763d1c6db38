import type { Method, TrainedTensors } from '../methods/method.ts';
import type { TrainableSpec } from '../models/attachment.ts';
import type { TrainingOptions } from './options.ts';

/** What optimisers keep of a tensor between steps: means of gradients and of their squares (in all, by row, by column). */
export const stateKinds = ['first', 'second', 'rows', 'columns'] as const;
type StateKind = (typeof stateKinds)[number];

/** What is kept of one tensor. */
export type TensorState = Readonly<Partial<Record<StateKind, Float32Array>>>;

/** How long each part of a tensor's state is; a part that is missing is not kept. */
export type StateLengths = Readonly<Partial<Record<StateKind, number>>>;

/** One step of one tensor. */
export interface TensorStep {
  readonly spec: TrainableSpec;
  /** The tensor, which the step changes. */
  readonly x: Float32Array;
  readonly gradient: Float32Array;
  /** Factor on the gradient before everything else. */
  readonly scale: number;
  /** Changed too. */
  readonly state: TensorState;
  /** Steps with this one. */
  readonly count: number;
  readonly rate: number;
  /** Weight decay per unit of rate. */
  readonly decay: number;
}

/** An optimiser, tensor by tensor. */
export interface OptimizerRule {
  readonly lengths: (spec: TrainableSpec) => StateLengths;
  /** Names of a method's tensors that stay as they began. @throws SoftpromptError optimizer-unsuited */
  readonly frozen: (method: Method) => readonly string[];
  /** What takes the steps of a run that begins, or goes on, with these tensors. */
  readonly stepper: (options: TrainingOptions, method: Method, tensors: TrainedTensors) => (step: TensorStep) => void;
}

/** How many numbers a tensor has. */
export function sizeOf({ dims }: TrainableSpec): number {
  return dims.reduce((n, size) => n * size, 1);
}
