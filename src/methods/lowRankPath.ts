import type { ModelConfig } from '../checkpoint/config.ts';
import type { LinearSite } from '../models/sites.ts';
import { expression } from './targets.ts';

/** The path that LORA lays beside a linear layer, or beside an embedding table as the linear layer of one-hot vectors. */
export interface LowRankPath {
  readonly site: LinearSite;
  readonly onEmbedding: boolean;
  readonly rank: number;
  /** Factor on the path: alpha / rank, or alpha / sqrt(rank) with rsLoRA. */
  readonly scaling: number;
  /** Its tensors under PEFT's names. */
  readonly names: {
    /** `[rank, inFeatures]`. */
    readonly a: string;
    /** `[outFeatures, rank]`. */
    readonly b: string;
    /** DoRA's `[outFeatures]`. */
    readonly magnitude: string;
    /** A bias of the path `[outFeatures]` (`lora_bias`). */
    readonly bias: string;
  };
}

/** A path's two matrices, as numbers or in a graph. */
export interface LowRankFactors<T> {
  readonly a: T;
  readonly b: T;
}

/** The path of a site as `r`, `lora_alpha`, their patterns and `use_rslora` ask for it. @throws SoftpromptError config-key */
export function lowRankPath(options: ModelConfig, site: LinearSite, onEmbedding = false): LowRankPath {
  const { rank, alpha } = rankAndAlpha(options, site.path, 'lora_alpha');
  const at = `base_model.model.${site.path}`;
  return {
    site,
    onEmbedding,
    rank,
    scaling: alpha / (options.boolean('use_rslora', false) ? Math.sqrt(rank) : rank),
    names: {
      a: onEmbedding ? `${at}.lora_embedding_A` : `${at}.lora_A.weight`,
      b: onEmbedding ? `${at}.lora_embedding_B` : `${at}.lora_B.weight`,
      magnitude: `${at}.lora_magnitude_vector`,
      bias: `${at}.lora_B.bias`,
    },
  };
}

/** A module's rank and alpha as `r`, the key of alpha and their patterns ask for them. @throws SoftpromptError config-key */
export function rankAndAlpha(
  options: ModelConfig,
  path: string,
  alphaKey: 'alpha' | 'lora_alpha',
): { readonly rank: number; readonly alpha: number } {
  const rank = overridden(options, 'rank_pattern', path) ?? options.integer('r', 8);
  if (!Number.isSafeInteger(rank) || rank < 1) {
    throw options.invalid('r', `is ${rank} for ${path}; it must be a whole number from 1`);
  }
  return { rank, alpha: overridden(options, 'alpha_pattern', path) ?? options.number(alphaKey, 8) };
}

/** What a pattern gives a module: the first of its keys counts that is an end of the module's name. */
function overridden(options: ModelConfig, key: string, path: string): number | undefined {
  const patterns = options.optionalObject(key);
  if (patterns === undefined) return undefined;
  const ends = (ending: string) => expression(options, key, `^(?:.*\\.)?(?:${ending})$`).test(path);
  const found = Object.keys(patterns.json).find(ends);
  return found === undefined ? undefined : patterns.number(found);
}
