import type { StepRule, TakenStep, TrainedTensors } from './method.ts';

/** How many triplets (a row of A, a number of E, a column of B) are left after how many steps, by PEFT's names. */
export interface BudgetSchedule {
  /** Triplets at the end, of all layers together. */
  readonly target: number;
  /** Steps before the first pruning. */
  readonly tinit: number;
  /** Last steps, in which what is pruned stays as it is. */
  readonly tfinal: number;
  /** Steps from one pruning to the next. */
  readonly deltaT: number;
  readonly totalSteps: number;
  /** Shares of the old value in the averages of sensitivity and of its uncertainty. */
  readonly beta1: number;
  readonly beta2: number;
}

/** The tensors of one layer, by name: A `[rank, inFeatures]`, E `[rank, 1]`, B `[outFeatures, rank]`. */
export interface TripletNames {
  readonly a: string;
  readonly e: string;
  readonly b: string;
}

/** One layer's triplets. */
export interface Triplets {
  readonly names: TripletNames;
  readonly rank: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** Names of what is remembered of a tensor: averages of its sensitivity and of that's uncertainty, and what of E is pruned. */
const sensitivity = (name: string) => `sensitivity:${name}`;
const uncertainty = (name: string) => `uncertainty:${name}`;
const pruned = (name: string) => `pruned:${name}`;

/**
 * AdaLoRA's allocation of ranks, https://arxiv.org/abs/2303.10512, sections 3.2 and 3.3, as PEFT's RankAllocator does it: the
 * triplets of least importance in all layers get E = 0, more and more of them until `target` is reached. Until the last
 * steps they are trained on, and may come back at the next pruning.
 */
export function rankAllocator(schedule: BudgetSchedule, layers: readonly Triplets[]): StepRule {
  const { target, tinit, tfinal, deltaT, totalSteps, beta1, beta2 } = schedule;
  const all = layers.flatMap(({ names, rank, inFeatures, outFeatures }) => [
    [names.a, rank * inFeatures] as const,
    [names.e, rank] as const,
    [names.b, outFeatures * rank] as const,
  ]);
  const begun = layers.reduce((sum, { rank }) => sum + rank, 0);
  const settled = totalSteps - tfinal;

  /** Triplets that are left after a step: the whole part of a cubic curve. */
  function budget(step: number): number {
    return Math.trunc((begun - target) * (1 - (step - tinit) / (settled - tinit)) ** 3 + target);
  }

  function remember({ tensors, gradients, scale, memory }: TakenStep): void {
    for (const [name] of all) {
      const [x, gradient] = [tensors.get(name)!, gradients.get(name)!];
      const [mean, spread] = [memory.get(sensitivity(name))!, memory.get(uncertainty(name))!];
      for (let i = 0; i < x.length; i++) {
        const now = Math.abs(x[i]! * gradient[i]! * scale);
        const average = beta1 * mean[i]! + (1 - beta1) * now;
        mean[i] = average;
        spread[i] = beta2 * spread[i]! + (1 - beta2) * Math.abs(now - average);
      }
    }
  }

  function prune(count: number, { memory }: TakenStep): void {
    if (count <= 0) return;
    const scores = layers.map((layer) => importance(layer, memory));
    const threshold = Float64Array.from(scores.flatMap((own) => [...own])).sort()[count - 1]!;
    for (const [i, { names }] of layers.entries()) {
      memory.get(pruned(names.e))!.set(scores[i]!.map((score) => (score <= threshold ? 1 : 0)));
    }
  }

  function clear({ tensors, memory }: TakenStep): void {
    for (const { names } of layers) {
      const e = tensors.get(names.e)!;
      for (const [i, is] of memory.get(pruned(names.e))!.entries()) if (is === 1) e[i] = 0;
    }
  }

  return {
    memory: new Map([
      ...all.flatMap(([name, length]) => [[sensitivity(name), length] as const, [uncertainty(name), length] as const]),
      ...layers.map(({ names, rank }) => [pruned(names.e), rank] as const),
    ]),
    after: (taken) => {
      const { step } = taken;
      if (step < settled) remember(taken);
      const prunes = step === settled || (step > tinit && step < settled && step % deltaT === 0);
      if (prunes) prune(begun - budget(step), taken);
      if (prunes || step > settled) clear(taken);
    },
    kept: (tensors, memory) => {
      const kept = new Map(tensors);
      for (const { names } of layers) {
        const mask = memory.get(pruned(names.e))!;
        kept.set(
          names.e,
          tensors.get(names.e)!.map((x, i) => (mask[i] === 1 ? 0 : x)),
        );
      }
      return kept;
    },
  };
}

/** Of each triplet: the number's own score, and the means of those of its row and its column. */
function importance({ names, rank, inFeatures, outFeatures }: Triplets, memory: TrainedTensors): Float64Array {
  const score = (name: string, at: number) => memory.get(sensitivity(name))![at]! * memory.get(uncertainty(name))![at]!;
  return Float64Array.from({ length: rank }, (_, r) => {
    let row = 0;
    for (let i = 0; i < inFeatures; i++) row += score(names.a, r * inFeatures + i);
    let column = 0;
    for (let o = 0; o < outFeatures; o++) column += score(names.b, o * rank + r);
    return score(names.e, r) + row / inFeatures + column / outFeatures;
  });
}
