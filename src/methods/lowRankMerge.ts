import type { LowRankPath } from './lowRankPath.ts';
import type { MergedTensor } from './method.ts';

/** The bias of a layer with that of its low-rank path worked in: b + s c. */
export function mergedPathBias({ site, scaling, names }: LowRankPath): readonly [string, MergedTensor] {
  const merged: MergedTensor = (base, trained) => {
    const bias = trained.get(names.bias)!;
    return base.map((x, i) => x + scaling * bias[i]!);
  };
  return [`${site.path}.bias`, merged];
}

/**
 * The weight of a layer with its low-rank path worked in: W + s B A, or with DoRA each row of that (one an output) brought
 * to its trained magnitude. Sums are in float64 and rounded once.
 */
export function mergedPath(
  { site, rank, scaling, names }: LowRankPath,
  dora: boolean,
): readonly [string, MergedTensor] {
  const { path, inFeatures, outFeatures, layout } = site;
  const [outStep, inStep] = layout === 'out_in' ? [inFeatures, 1] : [1, outFeatures];
  const merged: MergedTensor = (base, trained) => {
    const [a, b] = [trained.get(names.a)!, trained.get(names.b)!];
    const magnitude = dora ? trained.get(names.magnitude)! : null;
    const result = new Float32Array(base.length);
    const row = new Float64Array(inFeatures);
    for (let o = 0; o < outFeatures; o++) {
      for (let i = 0; i < inFeatures; i++) row[i] = base[o * outStep + i * inStep]!;
      for (let r = 0; r < rank; r++) {
        const factor = scaling * b[o * rank + r]!;
        if (factor === 0) continue;
        for (let i = 0; i < inFeatures; i++) row[i]! += factor * a[r * inFeatures + i]!;
      }
      const stretch = magnitude === null ? 1 : stretchTo(row, magnitude[o]!);
      for (let i = 0; i < inFeatures; i++) result[o * outStep + i * inStep] = row[i]! * stretch;
    }
    return result;
  };
  return [`${path}.weight`, merged];
}

/** What brings a row to a length; exactly 1 when it has it already, as far as the magnitude's float32 can say. */
function stretchTo(row: Float64Array, magnitude: number): number {
  const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
  return Math.fround(length) === magnitude ? 1 : magnitude / length;
}
