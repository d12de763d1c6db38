import type { Tensor } from '@tensorflow/tfjs-core';
import type { Random } from '../../src/foundation/random.ts';
import type { Builder } from '../../src/onnx/builder.ts';
import type { Dim, Value } from '../../src/onnx/dims.ts';
import type { Tfjs } from './tfjs.ts';

/** Sizes of symbolic dimensions in one run. */
export type Sizes = Readonly<Record<string, number>>;

/** An input of a case: its shape and how its elements are drawn. */
export interface CaseInput {
  readonly dtype: 'float32' | 'int64';
  readonly dims: readonly Dim[];
  readonly draw: (random: Random) => number;
}

/** One use of an operator, with the same computation in TensorFlow.js. */
export interface OperatorCase {
  readonly name: string;
  readonly inputs: readonly CaseInput[];
  /** Adds the operator; returns the values to compare. */
  readonly build: (b: Builder, ...inputs: Value[]) => readonly Value[];
  /** The values expected. */
  readonly reference: (tf: Tfjs, ...inputs: Tensor[]) => readonly Tensor[];
  /** Inputs that gradients are taken of; all float inputs unless said. */
  readonly wrt?: readonly number[];
  /** Outputs that the loss depends on; all float outputs unless said. */
  readonly lossOf?: readonly number[];
  /** Set where outputs are steps of an input, so that differences say nothing. */
  readonly steps?: true;
}

/** A float input, standard normal. */
export function normal(...dims: Dim[]): CaseInput {
  return { dtype: 'float32', dims, draw: (random) => random.normal() };
}

/** A float input in [0.5, 2): away from zero, where logarithms, roots and quotients are steep. */
export function positive(...dims: Dim[]): CaseInput {
  return { dtype: 'float32', dims, draw: (random) => 0.5 + 1.5 * random.uniform() };
}

/** A float input of either sign at least 0.2 from zero, where an operator has a kink. */
export function offZero(...dims: Dim[]): CaseInput {
  return {
    dtype: 'float32',
    dims,
    draw: (random) => (random.uniform() < 0.5 ? -1 : 1) * (0.2 + 1.5 * random.uniform()),
  };
}

/** A float input of multiples of 1/16 in [-4, 4), which half precision holds exactly. */
export function coarse(...dims: Dim[]): CaseInput {
  return { dtype: 'float32', dims, draw: (random) => (random.integer(128) - 64) / 16 };
}

/** An index input: whole numbers in 0 .. limit-1; with a limit below the count some are drawn twice. */
export function index(limit: number, ...dims: Dim[]): CaseInput {
  return { dtype: 'int64', dims, draw: (random) => random.integer(limit) };
}

/** The sizes a case is run with: a common one, and one at which every symbol is 1 and could be taken for a broadcast. */
export function sizesOf(operatorCase: OperatorCase): readonly Sizes[] {
  const symbolic = operatorCase.inputs.some(({ dims }) => dims.some((dim) => typeof dim === 'string'));
  return symbolic
    ? [
        { batch: 2, time: 3 },
        { batch: 1, time: 1 },
      ]
    : [{}];
}
