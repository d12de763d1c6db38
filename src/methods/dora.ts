import type { LinearParameters } from '../models/sites.ts';
import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import type { LowRankFactors, LowRankPath } from './lowRankPath.ts';

/**
 * DoRA's output, https://arxiv.org/abs/2402.09353: what the layer and its path give together, `sum`, where each output is
 * multiplied by its trained magnitude `[outFeatures]` over the length of its row of W + s B A. That length counts as a
 * constant in the gradient (section 4.3 of the paper); the bias is not scaled.
 */
export function withMagnitude(
  g: Builder,
  { site, scaling }: LowRankPath,
  { weight, bias }: LinearParameters,
  { a, b }: LowRankFactors<Value>,
  sum: Value,
  magnitude: Value,
): Value {
  const [delta, inAxis] =
    site.layout === 'out_in'
      ? [g.gemm(b, a, { alpha: scaling }), 1]
      : [g.gemm(a, b, { transA: 1, transB: 1, alpha: scaling }), 0];
  const adapted = g.add(weight, delta);
  const lengths = g.sqrt(g.reshape(g.reduceSum(g.mul(adapted, adapted), [inAxis]), [site.outFeatures]));
  const factor = g.div(magnitude, g.stopGradient(lengths));
  return bias === undefined ? g.mul(sum, factor) : g.add(g.mul(g.sub(sum, bias), factor), bias);
}

/** The length of each row (one an output) of W + s B A: where the magnitudes begin, so that nothing is changed yet. */
export function rowLengths(
  { site, rank, scaling }: LowRankPath,
  weight: Float32Array,
  { a, b }: LowRankFactors<Float32Array>,
): Float32Array {
  const { inFeatures, outFeatures, layout } = site;
  const [outStep, inStep] = layout === 'out_in' ? [inFeatures, 1] : [1, outFeatures];
  const row = new Float64Array(inFeatures);
  return Float32Array.from({ length: outFeatures }, (_, o) => {
    for (let i = 0; i < inFeatures; i++) row[i] = weight[o * outStep + i * inStep]!;
    for (let r = 0; r < rank; r++) {
      const factor = scaling * b[o * rank + r]!;
      if (factor === 0) continue;
      for (let i = 0; i < inFeatures; i++) row[i]! += factor * a[r * inFeatures + i]!;
    }
    return Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
  });
}
