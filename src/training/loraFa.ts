import { SoftpromptError } from '../foundation/errors.ts';
import { svd } from '../foundation/svd.ts';
import type { FactorPair, TrainedTensors } from '../methods/method.ts';
import { type OptimizerRule, sizeOf } from './optimizerRule.ts';

/** Added to the diagonal of A A^T. */
const damping = 1e-8;
/** Singular values below this share of the largest, for each row, are the rounding of A in single precision. */
const singlePrecision = 2 ** -23;

/**
 * LoRA-FA, https://arxiv.org/abs/2308.03303, as PEFT's create_lorafa_optimizer computes it: A stays as it is, and the
 * gradient of B becomes the one whose step changes B A most like a step of the whole weight, g (A A^T)^-1 / scaling^2.
 * Its Adam is that of transformers' own AdamW: epsilon is added to the root before the bias is corrected, and the decay
 * comes last.
 */
export const loraFa: OptimizerRule = {
  lengths: (spec) => ({ first: sizeOf(spec), second: sizeOf(spec) }),
  frozen: ({ factorPairs, peftType }) => {
    if (factorPairs === undefined) throw new SoftpromptError('optimizer-unsuited', { key: 'optim', peftType });
    return factorPairs.map(({ a }) => a);
  },
  stepper: ({ adam_beta1: beta1, adam_beta2: beta2, adam_epsilon: epsilon }, { factorPairs = [] }, tensors) => {
    const projections = new Map(factorPairs.map((pair) => [pair.b, projection(pair, tensors)] as const));
    return ({ spec, x, gradient, scale, state, count, rate, decay }) => {
      const matrix = projections.get(spec.name);
      const projected = matrix === undefined ? gradient : rowsTimes(gradient, matrix, spec.dims[1]!);
      const [first, second] = [state.first!, state.second!];
      const size = (rate * Math.sqrt(1 - beta2 ** count)) / (1 - beta1 ** count);
      for (let i = 0; i < x.length; i++) {
        const g = projected[i]! * scale;
        const m = beta1 * first[i]! + (1 - beta1) * g;
        const v = beta2 * second[i]! + (1 - beta2) * g * g;
        first[i] = m;
        second[i] = v;
        x[i] = (x[i]! - (size * m) / (Math.sqrt(v) + epsilon)) * (1 - rate * decay);
      }
    };
  },
};

/** (A A^T + damping)^-1 / scaling^2, `[rank, rank]`, with a pseudo-inverse where A has fewer dimensions than rows. */
function projection({ a: name, rank, scaling }: FactorPair, tensors: TrainedTensors): Float64Array {
  const a = tensors.get(name)!;
  const width = a.length / rank;
  const gram = new Float64Array(rank * rank);
  for (let p = 0; p < rank; p++) {
    for (let q = 0; q < rank; q++) {
      let sum = p === q ? damping : 0;
      for (let i = 0; i < width; i++) sum += a[p * width + i]! * a[q * width + i]!;
      gram[p * rank + q] = sum;
    }
  }
  const { u, s, v } = svd(gram, rank, rank);
  const inverse = new Float64Array(rank * rank);
  for (let k = 0; k < rank; k++) {
    if (s[k]! <= s[0]! * rank * singlePrecision) continue;
    const factor = 1 / (s[k]! * scaling ** 2);
    for (let p = 0; p < rank; p++) {
      for (let q = 0; q < rank; q++) inverse[p * rank + q]! += v[p * rank + k]! * factor * u[q * rank + k]!;
    }
  }
  return inverse;
}

/** Every row of a matrix `[n, size]` times a matrix `[size, size]`. */
function rowsTimes(rows: Float32Array, matrix: Float64Array, size: number): Float64Array {
  const product = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at += size) {
    for (let p = 0; p < size; p++) {
      const x = rows[at + p]!;
      for (let q = 0; q < size; q++) product[at + q]! += x * matrix[p * size + q]!;
    }
  }
  return product;
}
