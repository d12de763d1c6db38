import { Random } from '../foundation/random.ts';
import type { Experiment } from './schema.ts';
import { type SweepAxis, type SweepSection, sweepAxes } from './sweepSection.ts';

/** Values of one combination, by dotted key. */
export type Combination = Readonly<Record<string, unknown>>;

/** What a sweep trains. */
export interface SweepPlan {
  readonly combinations: readonly Combination[];
  readonly seeds: readonly number[];
  /** Shares of a training's steps after which it may end; the last is 1. */
  readonly rungs: readonly number[];
  /** Of how many one goes on to the next rung. */
  readonly reduction: number;
}

/** A combination drawn more often than this without a new one: there are no more. */
const mostDraws = 100;
/** Rungs of asha: a ninth, a third and all of the steps with a reduction by 3. */
const ashaRungs = 3;

/** The plan of an experiment's sweep; the same for the same experiment. */
export function sweepPlan({ training, ...e }: Experiment): SweepPlan {
  const section = e.sweep as SweepSection;
  const { strategy, reduction_factor: reduction, max_runs: runs = 0 } = section;
  const axes = sweepAxes(section);
  const combinations = strategy === 'grid' ? product(axes) : draws(axes, runs, Random.of(training.seed, 'sweep'));
  const rungs = strategy === 'asha' ? ashaRungs : 1;
  return {
    combinations,
    seeds: section.seeds ?? [training.seed],
    rungs: Array.from({ length: rungs }, (_, k) => reduction ** (k + 1 - rungs)),
    reduction,
  };
}

/** Every combination, the last key fastest. */
function product(axes: readonly SweepAxis[]): readonly Combination[] {
  return axes.reduce<readonly Combination[]>(
    (before, { key, values }) =>
      before.flatMap((one) => (values as readonly unknown[]).map((value) => ({ ...one, [key]: value }))),
    [{}],
  );
}

function draws(axes: readonly SweepAxis[], count: number, random: Random): readonly Combination[] {
  const found = new Map<string, Combination>();
  for (let missed = 0; found.size < count && missed < mostDraws; ) {
    const one = Object.fromEntries(axes.map(({ key, values }) => [key, draw(values, random)]));
    const text = JSON.stringify(one);
    missed = found.has(text) ? missed + 1 : 0;
    found.set(text, one);
  }
  return [...found.values()];
}

function draw(values: SweepAxis['values'], random: Random): unknown {
  if (!('min' in values)) return values[random.integer(values.length)];
  const { min, max, scale, integer } = values;
  const between = (a: number, b: number) => a + random.uniform() * (b - a);
  const value = scale === 'log' ? Math.exp(between(Math.log(min), Math.log(max))) : between(min, max);
  return integer ? Math.round(value) : Number(value.toPrecision(4));
}

/** A combination to be trained up to a rung. */
export interface SweepJob {
  readonly combination: number;
  readonly rung: number;
}

/**
 * The order of the work; takes the loss that each job ended with. With one rung all combinations in turn. With more, asynchronous
 * successive halving by one worker (Li et al., https://arxiv.org/abs/1810.05934, algorithm 2): whoever is among the best
 * of its rung goes on, highest rung first, else the next combination begins. Where that lets none finish, the best of the
 * highest rung does. The same losses give the same order, so that a sweep that was cut off is replayed from its records.
 */
export function* sweepJobs({ combinations, rungs, reduction }: SweepPlan): Generator<SweepJob, void, number> {
  const top = rungs.length - 1;
  const reached = rungs.map(() => new Map<number, number>());
  const sent = rungs.map(() => new Set<number>());
  const run = function* (combination: number, rung: number): Generator<SweepJob, void, number> {
    if (rung > 0) sent[rung - 1]!.add(combination);
    reached[rung]!.set(combination, yield { combination, rung });
  };
  let begun = 0;
  for (;;) {
    const next = promotable();
    if (next !== null) yield* run(next.combination, next.rung);
    else if (begun < combinations.length) yield* run(begun++, 0);
    else break;
  }
  if (reached[top]!.size > 0) return;
  const highest = reached.findLastIndex((losses) => losses.size > 0);
  const best = highest < 0 ? undefined : ranked(reached[highest]!)[0];
  if (best !== undefined) yield* run(best, top);

  function promotable(): SweepJob | null {
    for (let rung = top - 1; rung >= 0; rung--) {
      const losses = ranked(reached[rung]!);
      const combination = losses
        .slice(0, Math.floor(losses.length / reduction))
        .find((one) => !sent[rung]!.has(one) && Number.isFinite(reached[rung]!.get(one)!));
      if (combination !== undefined) return { combination, rung: rung + 1 };
    }
    return null;
  }
}

/** Combinations by loss, the lowest first. */
function ranked(losses: ReadonlyMap<number, number>): readonly number[] {
  return [...losses].sort(([a, x], [b, y]) => x - y || a - b).map(([combination]) => combination);
}
