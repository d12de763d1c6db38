import { readExperiment } from '../experiments/experimentFile.ts';
import { previewExperiment, previewLines } from '../experiments/previewExperiment.ts';
import { exitStatus } from './exitStatus.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt preview`. */
export interface PreviewOptions {
  readonly set: readonly string[];
  /** Training rows whose tokens are shown. */
  readonly rows: number;
  readonly json?: boolean;
}

/** Shows what an experiment would train and on which tokens, without training it. */
export async function preview(file: string, options: PreviewOptions, terminal: Terminal): Promise<number> {
  const { experiment } = await readExperiment(file, options.set);
  const found = await previewExperiment(experiment, options.rows);
  if (options.json !== true) for (const line of previewLines(found)) terminal.out(line);
  else {
    const { modules, unmatched, trainableParameters, totalParameters } = found.method;
    const parameters = { trainable_parameters: trainableParameters, total_parameters: totalParameters };
    terminal.out(JSON.stringify({ ...found, method: { modules, unmatched, ...parameters } }));
  }
  return exitStatus.done;
}
