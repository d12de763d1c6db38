import type { ExperimentTarget } from '../contributions.ts';
import type { Softprompt } from '../softprompt.ts';

/** Opens the runs panel, on the run (or the experiment's newest run) that it was asked for. */
export async function openRuns(app: Softprompt, target: ExperimentTarget | undefined): Promise<void> {
  if (target !== undefined && 'kind' in target && target.kind === 'run') {
    app.runsPanel.open(target.record.id);
    return;
  }
  const file = target === undefined ? null : 'kind' in target ? target.uri.fsPath : target.fsPath;
  const runs = await app.index.runs();
  app.runsPanel.open(runs.find(({ record }) => record.experiment === file)?.record.id ?? null);
}
