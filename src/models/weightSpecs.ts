import type { WeightSpec } from './decoder.ts';

/** Tensors of a linear layer that lies as torch's Linear does, out x in. */
export function linearWeights(
  path: string,
  out: number,
  into: number,
  { bias }: { readonly bias: boolean },
): readonly WeightSpec[] {
  const weight = { name: `${path}.weight`, shape: [out, into] };
  return bias ? [weight, { name: `${path}.bias`, shape: [out] }] : [weight];
}

/** Tensors of a layer norm. */
export function layerNormWeights(path: string, size: number): readonly WeightSpec[] {
  return [
    { name: `${path}.weight`, shape: [size] },
    { name: `${path}.bias`, shape: [size] },
  ];
}
