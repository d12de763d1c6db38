import type { TooLong } from '../data/tokenizeRows.ts';

/**
 * What a training run says of itself, in order: one `start`, then any number of `step`, `eval`, `sample` and
 * `checkpoint`, and one `done`. Progress bars, the run log (events.jsonl), charts, TensorBoard files and the wire
 * protocol all read this one stream; `softprompt train --json` prints it as it is, one object a line.
 */
export type TrainingEvent = StartEvent | StepEvent | EvalEvent | SampleEvent | CheckpointEvent | DoneEvent;

/** The run is about to take its first step (or its first after a resume). */
export interface StartEvent {
  readonly event: 'start';
  /** Optimiser steps the run will take in all, unless it stops early. */
  readonly total_steps: number;
  /** The step a resumed run continues after; 0 for a new one. */
  readonly resumed_from: number;
  readonly epochs: number;
  readonly train_rows: number;
  readonly validation_rows: number;
  /** What the rows are, where they are of a well-known form that needs no template. */
  readonly rows_form?: string;
  /** Rows of either that are longer than the model has room for, and so left out; absent when there are none. */
  readonly rows_left_out?: number;
  /** The first of them, with how many tokens each has. */
  readonly rows_left_out_at?: readonly TooLong[];
  /** Training rows without a supervised token, whose loss is over nothing; absent when there are none. */
  readonly rows_unsupervised?: number;
  /** Rows of the validation or test files that are training rows too; absent when there are none. */
  readonly rows_leaked?: number;
  /** Training rows that ask the same as an earlier one and expect something else; absent when there are none. */
  readonly rows_conflicting?: number;
  readonly trainable_parameters: number;
  readonly total_parameters: number;
  /** Modules that target_modules names; absent for methods without targets. */
  readonly modules?: number;
  /** Names of target_modules that match no module, though others do; absent when there are none. */
  readonly targets_unmatched?: readonly string[];
  readonly device: string;
  /** Why this device and no other. */
  readonly device_reason?: string;
  /** Versions and machine, by name. */
  readonly made_with?: Readonly<Record<string, string>>;
}

/** One optimiser step. Steps count from 1; the loss is that of the batch before its update. */
export interface StepEvent {
  readonly event: 'step';
  readonly step: number;
  readonly epoch: number;
  /** Mean over the supervised tokens of the whole step (with accumulation: of all its batches together). */
  readonly loss: number;
  /** Mean over the avoided tokens of -log(1 - p), which `loss` holds alpha times; absent where nothing is avoided. */
  readonly unlikelihood?: number;
  readonly learning_rate: number;
  /** Global L2 norm of the gradient before clipping. */
  readonly grad_norm: number;
  /** Real tokens (padding and virtual tokens not counted) that went through the model in this step. */
  readonly tokens: number;
  /** Wall time of this step, seconds. */
  readonly seconds: number;
}

/** Loss on the validation rows after a step. */
export interface EvalEvent {
  readonly event: 'eval';
  readonly step: number;
  /** Mean over the supervised tokens of the validation rows. */
  readonly loss: number;
  /** Whether this is the lowest so far. */
  readonly best: boolean;
  readonly seconds: number;
}

/** What the model writes for one validation row at this point. */
export interface SampleEvent {
  readonly event: 'sample';
  readonly step: number;
  readonly input: string;
  readonly expected: string;
  readonly output: string;
}

/** A checkpoint from which the run can be resumed was written. */
export interface CheckpointEvent {
  readonly event: 'checkpoint';
  readonly step: number;
  readonly path: string;
}

/** The run is over and its adapter is on disk. */
export interface DoneEvent {
  readonly event: 'done';
  readonly step: number;
  readonly reason: 'finished' | 'early_stopping' | 'stopped';
  /** The step whose weights were kept (the best validation loss, or the last step without validation). */
  readonly best_step: number;
  readonly best_loss: number | null;
  readonly seconds: number;
  /** Of the machine's processors and memory since the run began or went on, whatever else they did; absent where it cannot be read. */
  readonly energy_joules?: number;
  readonly trainable_parameters: number;
  /** Folder of the adapter; absolute. */
  readonly adapter: string;
}
