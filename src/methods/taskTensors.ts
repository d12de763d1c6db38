/**
 * Rules that make one tensor of several, element by element, as PEFT 0.21 does (peft/utils/merge_utils.py): task
 * arithmetic (https://arxiv.org/abs/2212.04089), TIES (https://arxiv.org/abs/2306.01708) and DARE
 * (https://arxiv.org/abs/2311.03099).
 */

/** How the sign of an element is elected among tensors: by the sum of its values, or by the number of each sign. */
export type MajoritySign = 'total' | 'frequency';

/** What the rules are told besides tensors and weights. */
export interface RuleOptions {
  /** Share of a tensor's elements that is kept, from 0 to 1. */
  readonly density: number;
  readonly majoritySign: MajoritySign;
  /** Which elements of the tensor at this index are kept at random, for the DARE rules. */
  readonly mask: (index: number, length: number) => Uint8Array;
}

/** Makes one tensor of several of the same size, each with its weight. */
export type TaskRule = (
  tensors: readonly Float64Array[],
  weights: readonly number[],
  options: RuleOptions,
) => Float64Array;

/** The rules by PEFT's names. */
export const taskRules = {
  linear: weightedSum,
  magnitude_prune: (tensors, weights, { density }) => weightedSum(largestOnly(tensors, density), weights),
  ties: (tensors, weights, { density, majoritySign }) =>
    agreeingMean(largestOnly(tensors, density), weights, majoritySign),
  dare_linear: (tensors, weights, options) => weightedSum(randomOnly(tensors, options), weights),
  dare_ties: (tensors, weights, options) => agreeingMean(randomOnly(tensors, options), weights, options.majoritySign),
} satisfies Record<string, TaskRule>;

function weightedSum(tensors: readonly Float64Array[], weights: readonly number[]): Float64Array {
  return tensors[0]!.map((_, at) => tensors.reduce((sum, tensor, i) => sum + weights[i]! * tensor[at]!, 0));
}

/**
 * The mean of the weighted elements whose sign is the elected one. The sign is elected by the tensors without their
 * weights; a draw counts as positive, and an element that is 0 agrees with nothing.
 */
function agreeingMean(
  tensors: readonly Float64Array[],
  weights: readonly number[],
  majoritySign: MajoritySign,
): Float64Array {
  const vote = majoritySign === 'total' ? (x: number) => x : Math.sign;
  return tensors[0]!.map((_, at) => {
    const elected = tensors.reduce((sum, tensor) => sum + vote(tensor[at]!), 0) >= 0 ? 1 : -1;
    let [sum, count] = [0, 0];
    for (const [i, tensor] of tensors.entries()) {
      if (Math.sign(tensor[at]!) !== elected) continue;
      sum += weights[i]! * tensor[at]!;
      count++;
    }
    return sum / Math.max(count, 1);
  });
}

/** Each tensor with all but its largest elements 0: of n, the whole part of density n are kept. */
function largestOnly(tensors: readonly Float64Array[], density: number): readonly Float64Array[] {
  if (density >= 1) return tensors;
  return tensors.map((tensor) => {
    const kept = Math.trunc(density * tensor.length);
    const threshold = tensor.map(Math.abs).sort()[tensor.length - kept] ?? Number.POSITIVE_INFINITY;
    // Of equals at the threshold, the first are kept.
    let equals = kept - tensor.reduce((count, x) => count + Number(Math.abs(x) > threshold), 0);
    return tensor.map((x) => (Math.abs(x) > threshold || (Math.abs(x) === threshold && equals-- > 0) ? x : 0));
  });
}

/** Each tensor with only the elements of its mask, over the density, so that the expected value stays. */
function randomOnly(tensors: readonly Float64Array[], { density, mask }: RuleOptions): readonly Float64Array[] {
  if (density >= 1) return tensors;
  return tensors.map((tensor, index) => {
    const keeps = mask(index, tensor.length);
    return tensor.map((x, at) => (keeps[at] === 0 ? 0 : x / density));
  });
}
