import { dataLines, reportData } from '../experiments/dataReport.ts';
import { readExperiment } from '../experiments/experimentFile.ts';
import { previewExperiment, previewLines } from '../experiments/previewExperiment.ts';
import type { MethodPreview } from '../methods/preview.ts';
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
  const data = await reportData(experiment, true);
  if (options.json === true) terminal.out(JSON.stringify({ method: asJson(method), data }));
  else for (const line of [...previewLines(method), '', ...dataLines(data)]) terminal.out(line);
  return exitStatus.done;
}

function asJson({ modules, unmatched, trainableParameters, totalParameters }: MethodPreview): object {
  return {
    modules,
    unmatched,
    trainable_parameters: trainableParameters,
    total_parameters: totalParameters,
  };
}
