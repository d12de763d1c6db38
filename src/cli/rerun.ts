import { trainingEngine } from '../experiments/engineTraining.ts';
import { rerun as rerunRun } from '../experiments/rerun.ts';
import { findStore } from '../experiments/store.ts';
import { freshPlace } from '../experiments/trainingPlace.ts';
import { exitStatus } from './exitStatus.ts';
import { interruptible } from './interrupt.ts';
import { TrainingProgress } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt rerun`. */
export interface RerunOptions {
  readonly json?: boolean;
}

/** Trains a run again and says whether it gives the same bytes; fails when it does not. */
export async function rerun(id: string, { json }: RerunOptions, terminal: Terminal): Promise<number> {
  const store = findStore('experiment.tune.yaml', process.cwd());
  const progress = new TrainingProgress(terminal);
  const report = await interruptible(
    () => terminal.note('\nStopping after this step; once more to stop at once.'),
    async (signal) => {
      const events = rerunRun(trainingEngine(freshPlace), store, id, signal);
      for (;;) {
        const { value, done } = await events.next();
        if (done) return value;
        if (json !== true) progress.show(value);
      }
    },
  );
  if (json === true) terminal.out(JSON.stringify(report));
  else {
    terminal.out(
      report.same
        ? `Run ${id} gives the same adapter, to the byte.`
        : `Run ${id} gives another adapter: ${report.differing.join(', ')}`,
    );
    if (report.changed.length > 0) terminal.out(`Changed since: ${report.changed.join('; ')}`);
    else if (!report.same) terminal.out('Model, rows, versions and machine are as they were.');
  }
  return report.same ? exitStatus.done : exitStatus.failed;
}
