import type { JsonObject } from '../checkpoint/json.ts';
import type { Random } from '../foundation/random.ts';
import type { TrainableSpec } from '../models/attachment.ts';
import type { Model } from '../models/model.ts';
import type { LinearSite } from '../models/sites.ts';
import { peftTaskTypes } from '../models/task.ts';
import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import { mergedRows, type RowChange } from './lowRankMerge.ts';
import { type Method, noPositions, type PeftType, type TrainedTensors } from './method.ts';
import { firstValues, inPlace, mergedInPlace, type TrainedWeight } from './savedModules.ts';
import type { Targets } from './targets.ts';

/** What a method adds to the output of one linear layer: y + D x, with D of the shape of its weight. */
export interface LayerAddition {
  readonly site: LinearSite;
  /** Its own tensors. */
  readonly trainables: readonly TrainableSpec[];
  /** The factor on D, which no shape tells. */
  readonly scaling: number;
  /** D x for x `[tokens, inFeatures]`, scaled: `[tokens, outFeatures]`. */
  readonly apply: (g: Builder, x: Value, trained: ReadonlyMap<string, Value>) => Value;
  /** The same in the weight: adds rows of D. */
  readonly change: (trained: TrainedTensors) => RowChange;
  /** First values of its own tensors, in their order. */
  readonly first: (random: Random) => readonly Float32Array[];
}

/** What all layers share. */
export interface SharedTensors {
  readonly trainables: readonly TrainableSpec[];
  readonly first: () => TrainedTensors;
}

/** A method that adds to the outputs of linear layers, and trains some tensors of the model themselves. */
export function additionsMethod(
  peftType: PeftType,
  model: Model,
  config: JsonObject,
  additions: readonly LayerAddition[],
  whole: readonly TrainedWeight[],
  shared: SharedTensors = { trainables: [], first: () => new Map() },
): Method {
  const bySite = new Map(additions.map((addition) => [addition.site.path, addition] as const));
  const parts = additions.map(({ site, scaling, trainables }) => [
    site.path,
    scaling,
    trainables.map(({ dims }) => dims),
  ]);
  return {
    ...noPositions,
    peftType,
    structure: `${peftType} ${JSON.stringify({ parts, whole: whole.map(({ name }) => name) })}`,
    config,
    trainables: [
      ...additions.flatMap(({ trainables }) => trainables),
      ...shared.trainables,
      ...whole.map(({ name, dims }) => ({ name, dims })),
    ],
    hooks: (trained) => ({
      weight: inPlace(whole, trained),
      linear: (g, { path }, x, y) => {
        const addition = bySite.get(path);
        return addition === undefined ? y : g.add(y, addition.apply(g, x, trained));
      },
    }),
    wholeWeights: whole,
    merged: new Map([...additions.map(({ site, change }) => mergedRows(site, change)), ...mergedInPlace(whole)]),
    initialise: async ({ random }) => {
      const own = additions.flatMap(({ trainables, first }) => {
        const values = first(random);
        return trainables.map(({ name }, i) => [name, values[i]!] as const);
      });
      return new Map([...own, ...shared.first(), ...(await firstValues(whole, { model, random }))]);
    },
  };
}

/** adapter_config.json of a method on linear layers: PEFT's defaults, what was given, and what follows from the model. */
export function layerConfig(
  defaults: JsonObject,
  given: JsonObject,
  model: Model,
  { sites, pattern }: Targets,
): JsonObject {
  return {
    ...defaults,
    base_model_name_or_path: model.dir,
    task_type: peftTaskTypes[model.task],
    ...given,
    // PEFT sets it from the kind of layer.
    ...('fan_in_fan_out' in defaults && { fan_in_fan_out: sites.some(({ layout }) => layout === 'in_out') }),
    target_modules: pattern,
  };
}
