import type { TrainableSpec } from '../models/attachment.ts';
import { type OptimizerRule, type StateLengths, sizeOf, type TensorStep } from './optimizerRule.ts';

/** Added to squared gradients. */
const epsilon = 1e-30;
/** The mean square of squared gradients is over about the last steps ** 0.8 steps. */
const decayRate = -0.8;
/** Largest root mean square of an update, in learning rates. */
const clipThreshold = 1;

/**
 * Adafactor, https://arxiv.org/abs/1804.04235, as transformers' Trainer runs it: at the given learning rate
 * (scale_parameter and relative_step false) and without a mean of gradients. Of a matrix it keeps the mean squares of rows
 * and of columns, whose product stands for that of each number.
 */
export const adafactor: OptimizerRule = {
  lengths: stateLengths,
  frozen: () => [],
  stepper: () => (step) => {
    const { spec, x, state, count, rate, decay } = step;
    const keep = 1 - count ** decayRate;
    const update = state.second === undefined ? factored(step, keep) : whole(step, keep);
    const clip = Math.max(1, Math.sqrt(update.reduce((sum, u) => sum + u * u, 0) / sizeOf(spec)) / clipThreshold);
    for (let i = 0; i < x.length; i++) x[i] = x[i]! * (1 - rate * decay) - (rate / clip) * update[i]!;
  },
};

/** Rows and columns are the last two axes; those before them count matrices. */
function stateLengths(spec: TrainableSpec): StateLengths {
  const size = sizeOf(spec);
  const [rows, columns] = spec.dims.slice(-2);
  return rows === undefined || columns === undefined
    ? { second: size }
    : { rows: size / columns, columns: size / rows };
}

/** Gradients over the roots of their mean squares. */
function whole({ gradient, scale, state }: TensorStep, keep: number): Float64Array {
  const second = state.second!;
  return Float64Array.from(gradient, (g, i) => {
    second[i] = keep * second[i]! + (1 - keep) * ((g * scale) ** 2 + epsilon);
    return (g * scale) / Math.sqrt(second[i]!);
  });
}

/** The same, where the mean square of a number is that of its row times that of its column over that of all. */
function factored({ spec, gradient, scale, state }: TensorStep, keep: number): Float64Array {
  const [rows, columns] = spec.dims.slice(-2) as [number, number];
  const update = new Float64Array(gradient.length);
  for (let matrix = 0; matrix < gradient.length / (rows * columns); matrix++) {
    const at = matrix * rows * columns;
    const byRow = new Float64Array(rows);
    const byColumn = new Float64Array(columns);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const square = (gradient[at + r * columns + c]! * scale) ** 2 + epsilon;
        byRow[r]! += square / columns;
        byColumn[c]! += square / rows;
      }
    }
    const rowMeans = moved(state.rows!.subarray(matrix * rows, (matrix + 1) * rows), byRow, keep);
    const columnMeans = moved(state.columns!.subarray(matrix * columns, (matrix + 1) * columns), byColumn, keep);
    const mean = rowMeans.reduce((sum, x) => sum + x, 0) / rows;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const i = at + r * columns + c;
        update[i] = (gradient[i]! * scale) / (Math.sqrt(rowMeans[r]! / mean) * Math.sqrt(columnMeans[c]!));
      }
    }
  }
  return update;
}

/** Moves running means, in place, towards new values. */
function moved(means: Float32Array, values: Float64Array, keep: number): Float32Array {
  for (let i = 0; i < means.length; i++) means[i] = keep * means[i]! + (1 - keep) * values[i]!;
  return means;
}
