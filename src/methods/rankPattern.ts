import type { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import type { LinearSite } from '../models/sites.ts';
import type { StoredCopy, TrainedTensors } from './method.ts';
import type { TripletNames, Triplets } from './rankAllocator.ts';

/** One layer's triplets. */
export interface TripletLayer extends Triplets {
  readonly site: LinearSite;
  /** Which of the `init_r` that there were at first are left; null for all. */
  readonly left: readonly boolean[] | null;
}

/** A layer's triplets as `init_r` and `rank_pattern` leave them. @throws SoftpromptError config-key */
export function tripletLayer(options: ModelConfig, site: LinearSite, begunRank: number): TripletLayer {
  const { path, inFeatures, outFeatures } = site;
  const patterns = options.optionalObject('rank_pattern')?.json ?? {};
  const left = patterns[patternKey(path)] ?? patterns[`${patternKey(path)}.default`] ?? null;
  if (left !== null && !(isMask(left) && left.length === begunRank)) {
    throw options.invalid('rank_pattern', `has no list of ${begunRank} (init_r) true or false for ${path}`);
  }
  const at = `base_model.model.${path}`;
  return {
    site,
    names: { a: `${at}.lora_A`, e: `${at}.lora_E`, b: `${at}.lora_B` },
    rank: left === null ? begunRank : left.filter((is) => is).length,
    inFeatures,
    outFeatures,
    left,
  };
}

/**
 * `rank_pattern` of trained layers without the triplets whose E is 0; null where none is, or none was trained yet.
 */
export function rankPattern(layers: readonly TripletLayer[], trained: TrainedTensors): JsonObject | null {
  const masks = layers.map(({ names, rank }) => (rank === 0 ? [] : Array.from(trained.get(names.e)!, (x) => x !== 0)));
  const flat = masks.flat();
  if (flat.every((is) => is) || !flat.some((is) => is)) return null;
  return Object.fromEntries(
    layers.map(({ site, left }, i) => {
      const rest = masks[i]!.values();
      const pattern = left === null ? masks[i]! : left.map((was) => was && rest.next().value === true);
      return [patternKey(site.path), pattern];
    }),
  );
}

/** What was trained without the triplets whose E is 0; a layer that has none left has no tensors. */
export function withoutPruned(layers: readonly TripletLayer[], trained: TrainedTensors): TrainedTensors {
  const cut = new Map(trained);
  for (const { names, rank, inFeatures } of layers) {
    if (rank === 0) continue;
    const e = trained.get(names.e)!;
    const keeps = (at: number) => e[at] !== 0;
    if (!e.some((x) => x !== 0)) {
      for (const name of namesOf(names)) cut.delete(name);
      continue;
    }
    cut.set(
      names.e,
      e.filter((_, at) => keeps(at)),
    );
    cut.set(
      names.a,
      trained.get(names.a)!.filter((_, at) => keeps(Math.floor(at / inFeatures))),
    );
    cut.set(
      names.b,
      trained.get(names.b)!.filter((_, at) => keeps(at % rank)),
    );
  }
  return cut;
}

/** The tensors of no size that PEFT writes for a layer without triplets. */
export function emptyTensors({ names, rank, inFeatures, outFeatures }: TripletLayer): readonly StoredCopy[] {
  if (rank > 0) return [];
  const dims = [
    [0, inFeatures],
    [0, 1],
    [outFeatures, 0],
  ];
  return namesOf(names).map((name, i) => ({ name, of: name, dims: dims[i]!, read: async () => new Float32Array(0) }));
}

function namesOf({ a, e, b }: TripletNames): readonly string[] {
  return [a, e, b];
}

function patternKey(path: string): string {
  return `${path}.lora_E`;
}

function isMask(value: unknown): value is readonly boolean[] {
  return Array.isArray(value) && value.every((is) => typeof is === 'boolean');
}
