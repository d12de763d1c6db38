import type { LinearSite } from '../models/sites.ts';
import type { LowRankPath } from './lowRankPath.ts';
import type { MergedTensor, TrainedTensors } from './method.ts';

/** The bias of a layer with that of its low-rank path worked in: b + s c. */
export function mergedPathBias({ site, scaling, names }: LowRankPath): readonly [string, MergedTensor] {
  const merged: MergedTensor = (base, trained) => {
    const bias = trained.get(names.bias)!;
    return base.map((x, i) => x + scaling * bias[i]!);
  };
  return [`${site.path}.bias`, merged];
}

/** Changes row `output` of a layer's weight `[outFeatures, inFeatures]`, in place. */
export type RowChange = (row: Float64Array, output: number) => void;

/** The weight of a layer with its rows (one an output) changed. Sums are in float64 and rounded once. */
export function mergedRows(
  { path, inFeatures, outFeatures, layout }: LinearSite,
  changeOf: (trained: TrainedTensors) => RowChange,
): readonly [string, MergedTensor] {
  const [outStep, inStep] = layout === 'out_in' ? [inFeatures, 1] : [1, outFeatures];
  const merged: MergedTensor = (base, trained) => {
    const change = changeOf(trained);
    const result = new Float32Array(base.length);
    const row = new Float64Array(inFeatures);
    for (let o = 0; o < outFeatures; o++) {
      for (let i = 0; i < inFeatures; i++) row[i] = base[o * outStep + i * inStep]!;
      change(row, o);
      for (let i = 0; i < inFeatures; i++) result[o * outStep + i * inStep] = row[i]!;
    }
    return result;
  };
  return [`${path}.weight`, merged];
}

/** Adds factor times row `at` of a matrix to a row, as far as that goes. */
export function addRow(row: Float64Array, matrix: Float32Array, at: number, width: number, factor: number): void {
  if (factor === 0) return;
  for (let i = 0; i < row.length; i++) row[i]! += factor * matrix[at * width + i]!;
}

/**
 * The weight of a layer with its low-rank path worked in: W + s B A, or with DoRA each row of that (one an output) brought
 * to its trained magnitude.
 */
export function mergedPath(
  { site, rank, scaling, names }: LowRankPath,
  dora: boolean,
): readonly [string, MergedTensor] {
  return mergedRows(site, (trained) => {
    const [a, b] = [trained.get(names.a)!, trained.get(names.b)!];
    const magnitude = dora ? trained.get(names.magnitude)! : null;
    return (row, o) => {
      for (let r = 0; r < rank; r++) addRow(row, a, r, site.inFeatures, scaling * b[o * rank + r]!);
      if (magnitude === null) return;
      const stretch = stretchTo(row, magnitude[o]!);
      for (let i = 0; i < row.length; i++) row[i]! *= stretch;
    };
  });
}

/** What brings a row to a length; exactly 1 when it has it already, as far as the magnitude's float32 can say. */
function stretchTo(row: Float64Array, magnitude: number): number {
  const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
  return Math.fround(length) === magnitude ? 1 : magnitude / length;
}
