import { trainingEngine } from '../experiments/engineTraining.ts';
import type { Environment } from '../experiments/environment.ts';
import { readExperiment } from '../experiments/experimentFile.ts';
import { findStore } from '../experiments/store.ts';
import { type PreparedSweep, runSweep, type SweepEvent } from '../experiments/sweep.ts';
import { createSweep, reopenSweep } from '../experiments/sweepStore.ts';
import { settingsText } from '../experiments/sweepTable.ts';
import { KeptPlace } from '../experiments/trainingPlace.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { SweepOrder, SweepReport, WorkProgress } from './protocol.ts';

type Trial = Extract<SweepEvent, { readonly event: 'trial' }>;

/**
 * Runs a sweep, or goes on with one; cancelling ends it after the current step, to be gone on with.
 * @throws SoftpromptError sweep-missing, sweep-unranked, run-unknown, run-not-resumable
 */
export async function sweepExperiment(
  order: SweepOrder,
  signal: AbortSignal,
  report: (progress: WorkProgress) => void,
  env: Environment,
): Promise<SweepReport> {
  const prepared = await prepare(order, env);
  const place = new KeptPlace();
  try {
    const begun = new Set<number>();
    let [all, seeds] = [0, 1];
    let best: Trial | null = null;
    for await (const event of runSweep(trainingEngine(place.of), prepared, signal, env)) {
      switch (event.event) {
        case 'sweep':
          seeds = event.seeds.length;
          all = event.combinations * seeds;
          report({ done: 0, all });
          break;
        case 'trial':
          begun.add(event.trial);
          if (isBetter(event, best)) best = event;
          report({ done: begun.size, all, ...(best !== null && { note: bestWords(best) }) });
          break;
        case 'done': {
          const { rows, adapter, finished } = event;
          return { id: prepared.record.id, finished, adapter, rows, seeds };
        }
      }
    }
    throw new SoftpromptError('internal', { problem: 'a sweep ended without its last event' });
  } finally {
    await place.close();
  }
}

async function prepare(
  { experiment, set, store: given, resume }: SweepOrder,
  env: Environment,
): Promise<PreparedSweep> {
  const store = given ?? findStore(experiment, process.cwd());
  if (resume !== null) return { store, ...(await reopenSweep(store, resume, env)) };
  const loaded = await readExperiment(experiment, set);
  if (loaded.experiment.sweep === undefined) throw new SoftpromptError('sweep-missing', { file: loaded.file });
  return { store, record: await createSweep(store, loaded, env), loaded };
}

/** A trial that went further says more; of equally many steps the lower loss is better. */
function isBetter({ rungs }: Trial, best: Trial | null): boolean {
  const [one, other] = [rungs.at(-1), best?.rungs.at(-1)];
  if (one?.loss == null) return false;
  if (other?.loss == null) return true;
  return rungs.length > best!.rungs.length || (rungs.length === best!.rungs.length && one.loss < other.loss);
}

function bestWords({ settings, rungs }: Trial): string {
  return `best so far ${rungs.at(-1)!.loss!.toFixed(4)} with ${settingsText(settings)}`;
}
