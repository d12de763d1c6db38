import { type MethodPreview, previewMethod } from '../methods/preview.ts';
import { openModel } from '../models/model.ts';
import { type DataReport, dataLines, reportData } from './dataReport.ts';
import { modelUse } from './modelUse.ts';
import { previewRows, type RowsPreview, rowsLines } from './rowsPreview.ts';
import type { Experiment } from './schema.ts';
import { startingPoint } from './startingPoint.ts';

/** What an experiment would train, and on what. */
export interface ExperimentPreview {
  readonly method: MethodPreview;
  readonly rows: RowsPreview;
  readonly data: DataReport;
}

/** Training rows that a preview shows unless it is said how many. */
export const previewedRows = 3;

/**
 * Looks at an experiment without training it.
 * @param count training rows whose tokens are shown
 */
export async function previewExperiment(experiment: Experiment, count: number): Promise<ExperimentPreview> {
  const model = await openModel(experiment.model, modelUse(experiment));
  const { method } = await startingPoint(experiment, model);
  return {
    method: previewMethod(method, model),
    rows: await previewRows(experiment, model, method, count),
    data: await reportData(experiment, true),
  };
}

/** What the experiment's method trains on its model. */
export async function previewTrained(experiment: Experiment): Promise<MethodPreview> {
  const model = await openModel(experiment.model, modelUse(experiment));
  return previewMethod((await startingPoint(experiment, model)).method, model);
}

/** A preview in lines: where the method acts, how much it trains, the first rows' tokens, and what the files hold. */
export function previewLines({ method, rows, data }: ExperimentPreview): readonly string[] {
  return [
    ...[...moduleLines(method), ...method.modules.map(moduleLine), parameterLine(method)],
    ...['', ...rowsLines(rows)],
    ...['', ...dataLines(data)],
  ];
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
