import { SoftpromptError } from '../foundation/errors.ts';
import { concatenated, cutDense, cutToRank, dense, type LowRankChange, type WeightedChange } from './lowRankSum.ts';
import { type MajoritySign, type TaskRule, taskRules } from './taskTensors.ts';

/** One adapter's change of a module. */
export interface CombinePart extends WeightedChange {
  /** What errors call the adapter. */
  readonly label: string;
  /** Its place among the adapters. */
  readonly adapter: number;
  /** What the person gave. */
  readonly weight: number;
  /** The adapter's own; `factor` is weight times scaling. */
  readonly scaling: number;
}

/** What DARE thins out: a factor of each adapter, or the change it makes. */
export type ThinnedPart = 'lora_A' | 'lora_B' | 'delta';

/** How changes are combined. */
export interface CombineSettings {
  /** Of methods that cut to a rank. */
  readonly rank: number;
  /** Share of elements that methods which thin out keep. */
  readonly density: number;
  readonly majoritySign: MajoritySign;
  /** Which elements DARE keeps (not 0) of a part of a module of an adapter. */
  readonly mask: (module: string, part: ThinnedPart, adapter: number, length: number) => Uint8Array;
}

/** Makes one change of a module of those of several adapters. */
export type CombineRule = (module: string, parts: readonly CombinePart[], settings: CombineSettings) => LowRankChange;

/**
 * The ways to combine, `exact` and those of PEFT's `add_weighted_adapter` as PEFT 0.21 has them. `exact`, `cat` and
 * `svd` aim at the sum of weight times scaling times B A; the rest at something of their own.
 */
export const combineRules = {
  /** The sum itself, in as few ranks as are sure to hold it. */
  exact: (_, parts) => {
    const sum = concatenated(parts);
    const most = Math.min(sum.inFeatures, sum.outFeatures);
    return sum.rank > most ? cutToRank(sum, most) : sum;
  },
  /** The sum itself, with the ranks of all. */
  cat: (_, parts) => concatenated(parts),
  /** The nearest to the sum of a rank. */
  svd: (_, parts, { rank }) => cutToRank(concatenated(parts), rank),
  linear: onFactors(taskRules.linear),
  ties: onFactors(taskRules.ties),
  dare_linear: onFactors(taskRules.dare_linear),
  dare_ties: onFactors(taskRules.dare_ties),
  magnitude_prune: onFactors(taskRules.magnitude_prune),
  ties_svd: onChanges(taskRules.ties),
  dare_linear_svd: onChanges(taskRules.dare_linear),
  dare_ties_svd: onChanges(taskRules.dare_ties),
  magnitude_prune_svd: onChanges(taskRules.magnitude_prune),
} satisfies Record<string, CombineRule>;

/** The names of the ways to combine. */
export type CombineMethod = keyof typeof combineRules;

/** All of them. */
export const combineMethods = Object.keys(combineRules) as readonly CombineMethod[];

/**
 * A rule on A and B apart, each with the root of the factor's size, and A with its sign. The product of two sums has
 * every adapter's A with every other's B: it is not the sum of the products.
 */
function onFactors(rule: TaskRule): CombineRule {
  return (module, parts, { density, majoritySign, mask }) => {
    const { rank, inFeatures, outFeatures } = parts[0]!.change;
    const other = parts.find(({ change }) => change.rank !== rank);
    if (other !== undefined) {
      const why = `its rank in ${module} is ${other.change.rank}, that of ${parts[0]!.label} ${rank}, and this method adds factors entry by entry`;
      throw new SoftpromptError('not-combinable', { adapter: other.label, why, todo: 'Choose exact, cat or svd.' });
    }
    const combined = (part: 'lora_A' | 'lora_B', of: (change: LowRankChange) => ArrayLike<number>): Float64Array =>
      rule(
        parts.map(({ change }) => Float64Array.from(of(change))),
        parts.map(({ factor }) => Math.sqrt(Math.abs(factor)) * (part === 'lora_A' && factor < 0 ? -1 : 1)),
        { density, majoritySign, mask: (i, length) => mask(module, part, parts[i]!.adapter, length) },
      );
    const [a, b] = [combined('lora_A', (change) => change.a), combined('lora_B', (change) => change.b)];
    return { rank, inFeatures, outFeatures, a, b };
  };
}

/** A rule on the changes themselves, cut to a rank. */
function onChanges(rule: TaskRule): CombineRule {
  return (module, parts, { rank, density, majoritySign, mask }) => {
    const { inFeatures, outFeatures } = parts[0]!.change;
    const sum = rule(
      parts.map(({ change, scaling }) => dense(change).map((x) => scaling * x)),
      parts.map(({ weight }) => weight),
      { density, majoritySign, mask: (i, length) => mask(module, 'delta', parts[i]!.adapter, length) },
    );
    return cutDense(sum, outFeatures, inFeatures, rank);
  };
}
