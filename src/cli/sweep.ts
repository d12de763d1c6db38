import { trainingEngine } from '../experiments/engineTraining.ts';
import type { Environment } from '../experiments/environment.ts';
import { readExperiment } from '../experiments/experimentFile.ts';
import { findStore } from '../experiments/store.ts';
import { type PreparedSweep, runSweep, type SweepEvent } from '../experiments/sweep.ts';
import { createSweep, reopenSweep, unfinishedSweep } from '../experiments/sweepStore.ts';
import { type SweepRow, settingsText, sweepCells, sweepVerdict } from '../experiments/sweepTable.ts';
import { KeptPlace } from '../experiments/trainingPlace.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { exitStatus } from './exitStatus.ts';
import { interruptible } from './interrupt.ts';
import { refuseChanges } from './resuming.ts';
import { formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt sweep`. */
export interface SweepOptions {
  readonly set: readonly string[];
  readonly device?: string;
  readonly resume?: string;
  readonly json?: boolean;
}

/** Trains an experiment with the values of its sweep. */
export async function sweep(
  file: string,
  options: SweepOptions,
  terminal: Terminal,
  env: Environment,
): Promise<number> {
  const prepared = await prepare(file, options, terminal, env);
  const place = new KeptPlace();
  const stopping = (): void => terminal.note('\nStopping after this step; once more to stop at once.');
  try {
    return await interruptible(stopping, async (signal) => {
      let seeds = 1;
      let status: number = exitStatus.failed;
      for await (const event of runSweep(trainingEngine(place.of), prepared, signal, env)) {
        if (options.json === true) terminal.out(JSON.stringify(event));
        if (event.event === 'sweep') seeds = event.seeds.length;
        if (options.json !== true) for (const line of linesOf(event, seeds)) terminal[line.to](line.text);
        if (event.event === 'done' && event.adapter !== null) status = exitStatus.done;
        if (event.event === 'done' && !event.finished) {
          terminal.note(`Stopped. To go on:\n  softprompt sweep ${file} --resume ${prepared.record.id}`);
        }
      }
      return status;
    });
  } finally {
    await place.close();
  }
}

async function prepare(
  file: string,
  { set, device, resume }: SweepOptions,
  terminal: Terminal,
  env: Environment,
): Promise<PreparedSweep> {
  const store = findStore(file, process.cwd());
  if (resume !== undefined) {
    refuseChanges({ set, ...(device !== undefined && { device }) });
    return { store, ...(await reopenSweep(store, resume, env)) };
  }
  const loaded = await readExperiment(file, device === undefined ? set : [...set, `training.device=${device}`]);
  if (loaded.experiment.sweep === undefined) throw new SoftpromptError('sweep-missing', { file: loaded.file });
  const open = await unfinishedSweep(store, loaded.file);
  if (open !== null) terminal.note(`A sweep of this file was cut off; to go on with it instead: --resume ${open}`);
  return { store, record: await createSweep(store, loaded, env), loaded };
}

interface Line {
  readonly to: 'out' | 'note';
  readonly text: string;
}

function linesOf(event: SweepEvent, seeds: number): readonly Line[] {
  switch (event.event) {
    case 'sweep': {
      const trainings = event.combinations * event.seeds.length;
      return [{ to: 'note', text: `${event.combinations} combinations, ${trainings} trainings at most` }];
    }
    case 'trial': {
      const last = event.rungs.at(-1);
      const end = event.error ?? `validation loss ${last?.loss?.toFixed(4)} after ${last?.step} steps`;
      return [{ to: 'note', text: `${event.trial + 1}. ${settingsText(event.settings)}, seed ${event.seed}: ${end}` }];
    }
    case 'done':
      return [...sweepLines(event.rows, seeds), ...(event.adapter === null ? [] : [`Adapter: ${event.adapter}`])].map(
        (text) => ({ to: 'out', text }),
      );
  }
}

/** The ranked table, and what may be said of it. */
function sweepLines(rows: readonly SweepRow[], seeds: number): readonly string[] {
  return [...formatTable(sweepCells(rows, seeds)), '', sweepVerdict(rows, seeds)];
}
