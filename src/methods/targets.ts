import type { ModelConfig } from '../checkpoint/config.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { nearest } from '../foundation/nearest.ts';
import { linearSites } from '../models/linearSites.ts';
import type { Model } from '../models/model.ts';
import type { LinearSite } from '../models/sites.ts';

/** Names modules: some names or ends of names, or a regular expression over the whole name. */
export type ModulePattern = string | readonly string[];

/** The value of `target_modules` that means every linear layer but the output head. */
export const allLinear = 'all-linear';

/** Where a method acts. */
export interface Targets {
  readonly sites: readonly LinearSite[];
  /** Embedding tables, where the method acts on them too. */
  readonly embeddings: readonly LinearSite[];
  /** `target_modules` with PEFT's default filled in. */
  readonly pattern: ModulePattern;
}

/**
 * The linear layers that a configuration names by `target_modules`, `exclude_modules`, `layers_to_transform` and
 * `layers_pattern`, but for those that `modules_to_save` trains whole, with PEFT's meaning of each (`check_target_module_exists` in peft/tuners/tuners_utils.py).
 * @param defaults PEFT's `target_modules` by transformers' `model_type`, for configurations that give none
 * @param withEmbeddings whether the method acts on embedding tables too, where they are named
 * @throws SoftpromptError config-key, targets-unmatched, not-supported
 */
export function targetsOf(
  options: ModelConfig,
  model: Model,
  defaults: Readonly<Record<string, readonly string[]>>,
  withEmbeddings = false,
): Targets {
  const pattern =
    modulePattern(options, 'target_modules') ?? defaultModules(options, 'target_modules', model, defaults);
  const { inLayers, inHead, embeddings: tables } = linearSites(model);
  const linear = pattern === allLinear ? inLayers : [...inLayers, ...inHead];
  const possible = withEmbeddings && pattern !== allLinear ? [...linear, ...tables] : linear;
  const paths = new Set(possible.map(({ path }) => path));
  const isTarget = targetTest(options, model, pattern);
  const other = matrices(model).find((path) => !paths.has(path) && isTarget(path));
  if (other !== undefined) {
    const what = `${options.file}: target_modules names ${other}, which is an embedding table or shares one; this`;
    throw new SoftpromptError('not-supported', { what });
  }
  const targets = new Set(possible.filter(({ path }) => isTarget(path)));
  if (targets.size === 0)
    throw unmatchedTargets(
      options.file,
      pattern,
      linear.map(({ path }) => path),
    );
  return {
    sites: linear.filter((site) => targets.has(site)),
    embeddings: tables.filter((site) => targets.has(site)),
    pattern,
  };
}

/**
 * Which modules a configuration names by `target_modules` (with its default filled in: `pattern`) and the other keys that
 * `targetsOf` reads. @throws SoftpromptError config-key
 */
export function targetTest(options: ModelConfig, model: Model, pattern: ModulePattern): (path: string) => boolean {
  const inLayer = layerFilter(options);
  if (typeof pattern === 'string' && inLayer !== null) {
    throw options.invalid('layers_to_transform', 'needs target_modules to be a list of names');
  }
  const excluded = modulePattern(options, 'exclude_modules');
  const asked = options.optionalStrings('modules_to_save') ?? [];
  const saved = [...asked, ...(model.classifier?.modules ?? [])].map((name) =>
    expression(options, 'modules_to_save', `^(?:.*\\.)?${name}(?:$|\\.)`),
  );
  const inLayers = new Set(linearSites(model).inLayers.map(({ path }) => path));
  return (path) =>
    (pattern === allLinear ? inLayers.has(path) : matches(options, 'target_modules', pattern, path)) &&
    (inLayer?.(path) ?? true) &&
    !(excluded !== null && matches(options, 'exclude_modules', excluded, path)) &&
    !saved.some((module) => module.test(path));
}

/** Whether PEFT would say that a pattern names a module. */
export function matches(options: ModelConfig, key: string, pattern: ModulePattern, path: string): boolean {
  return typeof pattern === 'string'
    ? expression(options, key, `^(?:${pattern})$`).test(path)
    : pattern.some((name) => path === name || path.endsWith(`.${name}`));
}

/** A key that is a pattern of modules; null when it is not given. PEFT takes an empty list as none. */
export function modulePattern(options: ModelConfig, key: string): ModulePattern | null {
  const value = options.raw(key);
  if (typeof value === 'string') return value;
  const names = options.optionalStrings(key);
  return names === undefined || names.length === 0 ? null : names;
}

/** PEFT's default for a model. */
export function defaultModules(
  options: ModelConfig,
  key: string,
  { modelType }: Model,
  defaults: Readonly<Record<string, readonly string[]>>,
): readonly string[] {
  if (Object.hasOwn(defaults, modelType)) return defaults[modelType]!;
  throw options.invalid(
    key,
    `is missing, and PEFT has no default for ${modelType}; give names of layers, or "${allLinear}"`,
  );
}

/** A regular expression of a configuration, written for Python. @throws SoftpromptError config-key */
export function expression(options: ModelConfig, key: string, source: string): RegExp {
  try {
    return new RegExp(source);
  } catch {
    throw options.invalid(key, `is no regular expression that is understood here: ${source}`);
  }
}

/** Which layers are meant, by the number in a module's path; null for all. */
function layerFilter(options: ModelConfig): ((path: string) => boolean) | null {
  const given = options.raw('layers_to_transform');
  const one = typeof given === 'number' ? options.integer('layers_to_transform') : undefined;
  const layers = one === undefined ? options.optionalNumbers('layers_to_transform') : [one];
  if (layers === undefined || layers.length === 0) return null;
  const names = modulePattern(options, 'layers_pattern') ?? ['[^.]*'];
  const patterns = (typeof names === 'string' ? [names] : names).map((name) =>
    expression(options, 'layers_pattern', `^.*\\.${name}\\.(\\d+)\\.`),
  );
  return (path) => {
    const found = patterns.map((pattern) => pattern.exec(path)?.[1]).find((index) => index !== undefined);
    return found !== undefined && layers.includes(Number(found));
  };
}

/** Modules with a matrix: the linear layers, and what looks like one to PEFT but is none here. */
function matrices({ architecture }: Model): readonly string[] {
  return architecture.weights.flatMap(({ name, shape }) =>
    shape.length === 2 && name.endsWith('.weight') ? [name.slice(0, -'.weight'.length)] : [],
  );
}

/** The error of a pattern that names none of the modules at these paths. */
export function unmatchedTargets(source: string, pattern: ModulePattern, paths: readonly string[]): SoftpromptError {
  // The last parts of the paths: what targets are mostly called by.
  const known = [...new Set(paths.map((path) => path.slice(path.lastIndexOf('.') + 1)))];
  const names = typeof pattern === 'string' ? [pattern] : pattern;
  const near = [...new Set(names.flatMap((name) => nearest(name.slice(name.lastIndexOf('.') + 1), known) ?? []))];
  return new SoftpromptError('targets-unmatched', { source, targets: names, near, known });
}
