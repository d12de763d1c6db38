import { dirname } from 'node:path';
import { readAdapter, type StoredAdapter } from '../methods/adapter.ts';
import { combine, drawnMasks } from '../methods/combining.ts';
import type { Model } from '../models/model.ts';
import type { LoadedExperiment } from './experimentFile.ts';
import { type ResolvedAdapter, resolveAdapter } from './library.ts';
import type { Experiment } from './schema.ts';

/** Adapters that are combined into one arm of an evaluation. */
export interface CombinationArm {
  readonly label: string;
  readonly parts: readonly (ResolvedAdapter & { readonly weight: number })[];
  readonly how: Omit<Experiment['evaluation']['combinations'][string], 'adapters'>;
}

/**
 * The combinations that an experiment names, folders as seen from its file.
 * @throws SoftpromptError adapter-unknown
 */
export function resolveCombinations(store: string, { file, experiment }: LoadedExperiment): readonly CombinationArm[] {
  return Object.entries(experiment.evaluation.combinations).map(([label, { adapters, ...how }]) => ({
    label,
    parts: Object.entries(adapters).map(([reference, weight]) => ({
      ...resolveAdapter(store, reference, dirname(file)),
      weight,
    })),
    how,
  }));
}

/** What a combination is, in words. */
export function combinationText({ parts, how }: CombinationArm): string {
  return `${parts.map(({ label, weight }) => `${weight} x ${label}`).join(' + ')} (${how.combination_type})`;
}

/**
 * The adapter that a combination is.
 * @throws SoftpromptError not-combinable, cancelled, and what reading throws
 */
export async function combinedAdapter(
  model: Model,
  { parts, how }: CombinationArm,
  seed: number,
  signal: AbortSignal,
): Promise<Pick<StoredAdapter, 'method' | 'tensors' | 'bytes'>> {
  const adapters = [];
  for (const { label, dir, weight } of parts) adapters.push({ label, weight, adapter: await readAdapter(dir, model) });
  const { combination_type: method, density, majority_sign_method: majoritySign } = how;
  const options = { method, rank: null, density, majoritySign, mask: drawnMasks(seed, density) };
  const { adapter } = await combine(model, adapters, options, signal, () => undefined);
  let bytes = 0;
  for (const { byteLength } of adapter.tensors.values()) bytes += byteLength;
  return { ...adapter, bytes };
}
