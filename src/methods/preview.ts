import { ModelConfig } from '../checkpoint/config.ts';
import { linearSites } from '../models/linearSites.ts';
import type { Model } from '../models/model.ts';
import type { Method } from './method.ts';
import { trainingForm } from './promptEncoder.ts';
import { allLinear, matches, modulePattern } from './targets.ts';

/** A linear layer, table or norm that a method acts on. */
export interface PreviewedModule {
  readonly path: string;
  /** Features that go in and come out; of a norm its one size. */
  readonly shape: readonly number[];
}

/** What a configured method will train on a model. */
export interface MethodPreview {
  /** The modules that `target_modules` names, in the order in which they run; none for methods without targets. */
  readonly modules: readonly PreviewedModule[];
  /** Names of `target_modules` that match no module, though others do. */
  readonly unmatched: readonly string[];
  readonly trainableParameters: number;
  /** Of the model and, but for full training, of what is trained beside it. */
  readonly totalParameters: number;
}

/** Looks at a method before it is trained: a name that matches nothing is otherwise never heard of again. */
export function previewMethod(method: Method, model: Model): MethodPreview {
  const trainableParameters = trainingForm(method).trainables.reduce(
    (sum, { dims, frozen = false }) => (frozen ? sum : sum + dims.reduce((n, size) => n * size, 1)),
    0,
  );
  const parts = (method.members ?? [method]).map((member) => touchedModules(member, model));
  return {
    modules: parts.flatMap(({ modules }) => modules),
    unmatched: parts.flatMap(({ unmatched }) => unmatched),
    trainableParameters,
    totalParameters: model.parameters + (method.peftType === 'FULL' ? 0 : trainableParameters),
  };
}

function touchedModules(method: Method, model: Model): Pick<MethodPreview, 'modules' | 'unmatched'> {
  const options = new ModelConfig('method', method.config);
  const pattern = modulePattern(options, 'target_modules');
  const { inLayers, inHead, embeddings } = linearSites(model);
  const every: readonly PreviewedModule[] = [
    ...[...inLayers, ...inHead, ...embeddings].map(({ path, inFeatures, outFeatures }) => ({
      path,
      shape: [inFeatures, outFeatures],
    })),
    ...norms(model),
  ];
  const touched = every.filter(({ path }) => method.trainables.some(({ name }) => `.${name}`.includes(`.${path}.`)));
  const names = pattern === null || typeof pattern === 'string' || pattern.includes(allLinear) ? [] : pattern;
  return {
    modules: pattern === null ? [] : touched,
    unmatched: names.filter((name) => !every.some(({ path }) => matches(options, 'target_modules', [name], path))),
  };
}

function norms({ weights }: Model): readonly PreviewedModule[] {
  return [...weights.tensors].flatMap(([name, { shape }]) =>
    shape.length === 1 && name.endsWith('.weight') ? [{ path: name.slice(0, -'.weight'.length), shape }] : [],
  );
}
