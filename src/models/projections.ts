import type { Value } from '../onnx/dims.ts';
import type { WeightSpec } from './decoder.ts';
import type { Scope } from './scope.ts';
import { linearWeights } from './weightSpecs.ts';

/** Several linear layers of one input. */
export interface Projections {
  /** Tensors of the modules below the module `at`. */
  readonly weights: (at: string) => readonly WeightSpec[];
  /** x `[tokens, into]` to one `[tokens, out]` a layer. */
  readonly apply: (scope: Scope, at: string, x: Value) => readonly Value[];
}

/** Width of each layer's output by its module's name. */
export type ProjectionWidths = Readonly<Record<string, number>>;

/** Layers that are modules of their own. */
export function separateProjections(widths: ProjectionWidths, into: number, bias: boolean): Projections {
  return {
    weights: (at) =>
      Object.entries(widths).flatMap(([name, out]) => linearWeights(`${at}.${name}`, out, into, { bias })),
    apply: (scope, at, x) => Object.keys(widths).map((name) => scope.linear(`${at}.${name}`, x, { bias })),
  };
}

/** Layers whose matrices lie in one module, one after another. */
export function fusedProjection(name: string, widths: ProjectionWidths, into: number, bias: boolean): Projections {
  const parts = Object.values(widths);
  const out = parts.reduce((total, width) => total + width, 0);
  return {
    weights: (at) => linearWeights(`${at}.${name}`, out, into, { bias }),
    apply: (scope, at, x) => scope.b.split(scope.linear(`${at}.${name}`, x, { bias }), 1, parts),
  };
}
