import { type MethodPreview, previewMethod } from '../methods/preview.ts';
import { openModel } from '../models/model.ts';
import { modelUse } from './modelUse.ts';
import type { Experiment } from './schema.ts';
import { startingPoint } from './startingPoint.ts';

/** What the experiment's method trains on its model. */
export async function previewExperiment(experiment: Experiment): Promise<MethodPreview> {
  const model = await openModel(experiment.model, modelUse(experiment));
  return previewMethod((await startingPoint(experiment, model)).method, model);
}

/** A preview in lines: where the method acts, module by module, and how much of the model it trains. */
export function previewLines(preview: MethodPreview): readonly string[] {
  return [...moduleLines(preview), ...preview.modules.map(moduleLine), parameterLine(preview)];
}

/** Where a method acts, in a line, and a warning for each name that was given in vain. */
export function moduleLines({ modules, unmatched }: MethodPreview): readonly string[] {
  const kinds = [...new Set(modules.map(({ path }) => path.slice(path.lastIndexOf('.') + 1)))];
  return [
    ...(modules.length === 0 ? [] : [`Acts on ${modules.length} modules: ${kinds.join(', ')}`]),
    ...unmatched.map((name) => `Warning: target_modules names ${name}, and no module of the model is called so.`),
  ];
}

function parameterLine({ trainableParameters: trained, totalParameters: all }: MethodPreview): string {
  const share = ((100 * trained) / all).toPrecision(2);
  return `Trains ${trained.toLocaleString('en')} of ${all.toLocaleString('en')} parameters (${share} %)`;
}

function moduleLine({ path, shape }: MethodPreview['modules'][number]): string {
  return `  ${path} [${shape.join(' -> ')}]`;
}
