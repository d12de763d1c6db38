import { SoftpromptError } from '../foundation/errors.ts';
import type { Adapter } from './adapter.ts';
import type { CombineMethod } from './combineRules.ts';

/** An adapter of factors with its weight in a combination. */
export interface WeightedFactors {
  readonly label: string;
  readonly weight: number;
  readonly adapter: Adapter;
}

/** Makes the factor of an element of those of the adapters that have the module, each with its weight. */
type FactorRule = (factors: readonly { readonly weight: number; readonly factor: number }[]) => number;

/** The ways to combine factors. */
const rules = {
  /** What adds up the changes (l - 1) W of the weights. */
  exact: (factors) => factors.reduce((sum, { weight, factor }) => sum + weight * (factor - 1), 1),
  /** PEFT's: the weighted sum of the factors, which is exact where the weights add up to 1. */
  linear: (factors) => factors.reduce((sum, { weight, factor }) => sum + weight * factor, 0),
} satisfies Record<string, FactorRule>;

/** A combined factor tensor. */
export interface CombinedFactors {
  /** The module it acts on. */
  readonly module: string;
  /** Whether it acts on the layer's input. */
  readonly onInput: boolean;
  /** Its name in the adapter's file. */
  readonly name: string;
  readonly values: Float32Array;
  /** Squared norms: of the difference from the exact change of the factors, and of that change. */
  readonly difference: number;
  readonly norm: number;
}

const factorName = /^base_model\.model\.(.+)\.ia3_l$/;

/** Combines IA3 adapters of one model, tensor by tensor. @throws SoftpromptError not-combinable */
export function combineFactors(
  method: CombineMethod,
  adapters: readonly WeightedFactors[],
): readonly CombinedFactors[] {
  if (!Object.hasOwn(rules, method)) {
    const why = `is IA3, which has factors to combine by ${Object.keys(rules).join(' or ')} and no matrices for ${method}`;
    throw new SoftpromptError('not-combinable', { adapter: adapters[0]!.label, why });
  }
  const rule = rules[method as keyof typeof rules];
  return [...tensorsOf(adapters)].map(([name, parts]) => {
    let [difference, norm] = [0, 0];
    const values = parts[0]!.values.map((_, at) => {
      const factors = parts.map(({ weight, values: given }) => ({ weight, factor: given[at]! }));
      const [combined, exact] = [Math.fround(rule(factors)), rules.exact(factors)];
      difference += (combined - exact) ** 2;
      norm += (exact - 1) ** 2;
      return combined;
    });
    return { module: factorName.exec(name)![1]!, onInput: parts[0]!.dims[0] === 1, name, values, difference, norm };
  });
}

interface FactorPart {
  readonly weight: number;
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** Every tensor of any of the adapters. */
function tensorsOf(adapters: readonly WeightedFactors[]): ReadonlyMap<string, readonly FactorPart[]> {
  const tensors = new Map<string, FactorPart[]>();
  for (const { label, weight, adapter } of adapters) {
    for (const { name, dims } of adapter.method.trainables) {
      if (!factorName.test(name)) {
        throw new SoftpromptError('not-combinable', { adapter: label, why: `trains ${name} beside its factors` });
      }
      const before = tensors.get(name) ?? [];
      if (before[0] !== undefined && before[0].dims.join() !== dims.join()) {
        const why = `scales the other side of ${name}`;
        throw new SoftpromptError('not-combinable', { adapter: label, why });
      }
      tensors.set(name, [...before, { weight, dims, values: adapter.tensors.get(name)! }]);
    }
  }
  return tensors;
}
