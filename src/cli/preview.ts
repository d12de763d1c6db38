import type { JsonObject } from '../checkpoint/json.ts';
import { readExperiment } from '../experiments/experimentFile.ts';
import { modelUse } from '../experiments/modelUse.ts';
import type { Experiment } from '../experiments/schema.ts';
import { readAdapter } from '../methods/adapter.ts';
import { type MethodPreview, previewMethod } from '../methods/preview.ts';
import { configureMethod } from '../methods/table.ts';
import { openModel } from '../models/model.ts';
import { exitStatus } from './exitStatus.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt preview`. */
export interface PreviewOptions {
  readonly set: readonly string[];
  readonly json?: boolean;
}

/** Shows what an experiment would train, without training it. */
export async function preview(file: string, options: PreviewOptions, terminal: Terminal): Promise<number> {
  const { experiment } = await readExperiment(file, options.set);
  const method = await previewExperiment(experiment);
  if (options.json === true) terminal.out(JSON.stringify({ method: asJson(method) }));
  else
    for (const line of [...moduleLines(method), ...method.modules.map(moduleLine), parameterLine(method)])
      terminal.out(line);
  return exitStatus.done;
}

/** What the experiment's method trains on its model. */
export async function previewExperiment(experiment: Experiment): Promise<MethodPreview> {
  const model = await openModel(experiment.model, modelUse(experiment));
  const { init_from: from, ...given } = experiment.method;
  const before = from === undefined ? {} : (await readAdapter(from, model)).method.config;
  return previewMethod(configureMethod({ ...before, ...(given as JsonObject) }, model), model);
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

function asJson({ modules, unmatched, trainableParameters, totalParameters }: MethodPreview): object {
  return {
    modules,
    unmatched,
    trainable_parameters: trainableParameters,
    total_parameters: totalParameters,
  };
}
