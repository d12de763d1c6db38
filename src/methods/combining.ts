import type { JsonObject, JsonValue } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import type { Model } from '../models/model.ts';
import type { Adapter } from './adapter.ts';
import { combineFactors } from './combineIa3.ts';
import { type CombineMethod, type CombinePart, type CombineSettings, combineRules } from './combineRules.ts';
import { type LowRankChange, squaredDistance } from './lowRankSum.ts';
import type { FactorPair, Method } from './method.ts';
import { configureMethod } from './table.ts';
import type { MajoritySign } from './taskTensors.ts';

/** An adapter with its weight in a combination. */
export interface WeightedAdapter {
  readonly label: string;
  readonly weight: number;
  readonly adapter: Adapter;
}

/** What a person chooses. */
export interface CombineOptions {
  readonly method: CombineMethod;
  /** Rank of the methods that cut to one; null for the largest rank of the adapters. */
  readonly rank: number | null;
  readonly density: number;
  readonly majoritySign: MajoritySign;
  /** Which elements DARE keeps. */
  readonly mask: CombineSettings['mask'];
}

/** How far a combination is from the sum of weight times scaling times B A: relative Frobenius error. */
export interface Residual {
  readonly overall: number;
  readonly largest: number;
  /** By module. */
  readonly modules: ReadonlyMap<string, number>;
}

/** A combined adapter, and how far it is from the exact sum. */
export interface Combination {
  readonly adapter: Adapter;
  readonly residual: Residual;
}

/**
 * Combines LORA adapters, or IA3 adapters, of one model into one. Each is taken at its own scaling; the result has alpha = r, so that its
 * scaling is 1, and no rsLoRA.
 * @param seen called after each module with how many are done of all
 * @throws SoftpromptError not-combinable; cancelled
 */
export async function combine(
  model: Model,
  adapters: readonly WeightedAdapter[],
  { method, rank, ...options }: CombineOptions,
  signal: AbortSignal,
  seen: (done: number, modules: number) => void,
): Promise<Combination> {
  if (adapters.every(({ adapter }) => adapter.method.peftType === 'IA3')) return combineIa3(model, adapters, method);
  const modules = modulesOf(adapters);
  const largestRank = Math.max(...[...modules.values()].flat().map(({ change }) => change.rank));
  const changes = new Map<string, LowRankChange>();
  const distances: Distance[] = [];
  for (const [module, parts] of modules) {
    if (signal.aborted) throw new SoftpromptError('cancelled', {});
    const change = inFloat32(combineRules[method](module, parts, { ...options, rank: rank ?? largestRank }));
    distances.push({ module, ...squaredDistance(change, parts) });
    changes.set(module, change);
    seen(changes.size, modules.size);
    // Lets a signal and whoever shows progress have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { adapter: adapterOf(model, adapters, changes), residual: residualOf(distances) };
}

/** Squared norms of a module: of what was found minus what is exact, and of that. */
interface Distance {
  readonly module: string;
  readonly difference: number;
  readonly norm: number;
}

function residualOf(distances: readonly Distance[]): Residual {
  const modules = new Map(distances.map(({ module, difference, norm }) => [module, ratio(difference, norm)] as const));
  const sum = (of: 'difference' | 'norm'): number => distances.reduce((total, distance) => total + distance[of], 0);
  return { overall: ratio(sum('difference'), sum('norm')), largest: Math.max(...modules.values()), modules };
}

/** Combines factors, whose changes (l - 1) W of the weights add up too. */
function combineIa3(model: Model, adapters: readonly WeightedAdapter[], by: CombineMethod): Combination {
  const combined = combineFactors(by, adapters);
  const modules = combined.map(({ module }) => module);
  const feedforward = combined.flatMap(({ module, onInput }) => (onInput ? [module] : []));
  const configs = adapters.map(({ adapter }) => adapter.method.config);
  const config: JsonObject = {
    peft_type: 'IA3',
    ...commonOf(model, configs),
    ...targetsOf(configs, { target_modules: modules, feedforward_modules: feedforward }),
  };
  const method = configureMethod(config, model, 'the combined adapter');
  const tensors = new Map(combined.map(({ name, values }) => [name, values] as const));
  return { adapter: { method, tensors }, residual: residualOf(combined) };
}

/** What a combined configuration takes from the first. */
function commonOf(model: Model, [first]: readonly JsonObject[]): JsonObject {
  return { task_type: first!.task_type ?? null, base_model_name_or_path: first!.base_model_name_or_path ?? model.dir };
}

/** Masks that keep each element with the probability of the density, drawn by seed. */
export function drawnMasks(seed: number, density: number): CombineSettings['mask'] {
  return (module, part, adapter, length) => {
    const random = Random.of(seed, `dare ${module} ${part} ${adapter}`);
    return Uint8Array.from({ length }, () => Number(random.uniform() < density));
  };
}

/** Every module that any of the adapters changes, with the changes. */
function modulesOf(adapters: readonly WeightedAdapter[]): ReadonlyMap<string, readonly CombinePart[]> {
  const modules = new Map<string, CombinePart[]>();
  for (const [index, { label, weight, adapter }] of adapters.entries()) {
    const { method, tensors } = adapter;
    const dims = new Map(method.trainables.map((trainable) => [trainable.name, trainable.dims] as const));
    for (const pair of pairsOf(label, method)) {
      const { rank, scaling } = pair;
      const [inFeatures, outFeatures] = [dims.get(pair.a)![1]!, dims.get(pair.b)![0]!];
      const change = { rank, inFeatures, outFeatures, a: tensors.get(pair.a)!, b: tensors.get(pair.b)! };
      const part = { label, adapter: index, weight, scaling, factor: weight * scaling, change };
      const module = moduleOf(pair);
      modules.set(module, [...(modules.get(module) ?? []), part]);
    }
  }
  return modules;
}

/** The pairs of factors of an adapter that is made of them alone. */
function pairsOf(label: string, method: Method): readonly FactorPair[] {
  const { trainables, peftType, config } = method;
  if (peftType !== 'LORA') {
    throw new SoftpromptError('not-combinable', {
      adapter: label,
      why: `is ${peftType}; only LORA adapters, or IA3 adapters, add up`,
    });
  }
  const pairs = allPairs(method);
  const factors = new Set(pairs.flatMap(({ a, b }) => [a, b]));
  const other = trainables.find(({ name }) => !factors.has(name));
  if (other === undefined) return pairs;
  const why =
    config.use_dora === true
      ? 'is DoRA, whose magnitudes scale whole rows of the weights, which does not add up'
      : `trains ${other.name} beside its factors, which no sum of factors holds`;
  throw new SoftpromptError('not-combinable', { adapter: label, why });
}

function allPairs({ factorPairs = [], embeddingPairs = [] }: Method): readonly FactorPair[] {
  return [...factorPairs, ...embeddingPairs];
}

const factorName = /^base_model\.model\.(.+)\.lora_(?:embedding_)?A(?:\.weight)?$/;

/** The module that a pair of factors changes. */
function moduleOf({ a }: FactorPair): string {
  return factorName.exec(a)![1]!;
}

/** The changes as a LORA adapter. */
function adapterOf(
  model: Model,
  adapters: readonly WeightedAdapter[],
  changes: ReadonlyMap<string, LowRankChange>,
): Adapter {
  const ranks = [...changes].map(([module, { rank }]) => [module, rank] as const);
  const r = Math.max(...ranks.map(([, rank]) => rank));
  const pattern = Object.fromEntries(ranks.filter(([, rank]) => rank !== r));
  const configs = adapters.map(({ adapter }) => adapter.method.config);
  const config: JsonObject = {
    peft_type: 'LORA',
    ...commonOf(model, configs),
    r,
    lora_alpha: r,
    rank_pattern: pattern,
    alpha_pattern: pattern,
    ...targetsOf(configs, { target_modules: [...changes.keys()] }),
  };
  const method = configureMethod(config, model, 'the combined adapter');
  const tensors = new Map<string, Float32Array>();
  for (const pair of allPairs(method)) {
    const { a, b } = changes.get(moduleOf(pair))!;
    tensors.set(pair.a, a as Float32Array).set(pair.b, b as Float32Array);
  }
  return { method, tensors };
}

const targetKeys = [
  'target_modules',
  'feedforward_modules',
  'exclude_modules',
  'layers_to_transform',
  'layers_pattern',
] as const;

/** What the adapters' configurations say of where they act, when all say the same; else the modules by their names. */
function targetsOf(configs: readonly JsonObject[], named: JsonObject): JsonObject {
  const said = configs.map((config) => JSON.stringify(targetKeys.map((key) => inOrder(config[key] ?? null))));
  if (said.some((text) => text !== said[0])) return named;
  return Object.fromEntries(
    targetKeys.flatMap((key) => (Object.hasOwn(configs[0]!, key) ? [[key, configs[0]![key]!]] : [])),
  );
}

/** Lists as they compare: PEFT writes sets in any order. */
function inOrder(value: JsonValue): JsonValue {
  return Array.isArray(value) ? [...value].sort() : value;
}

function inFloat32(change: LowRankChange): LowRankChange {
  return { ...change, a: Float32Array.from(change.a), b: Float32Array.from(change.b) };
}

/** The root of a ratio of squares; what is nothing of nothing is 0. */
function ratio(difference: number, norm: number): number {
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}
