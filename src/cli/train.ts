import { resolve } from 'node:path';
import { trainingEngine } from '../experiments/engineTraining.ts';
import type { Environment } from '../experiments/environment.ts';
import { readExperiment } from '../experiments/experimentFile.ts';
import { moduleLines, previewTrained } from '../experiments/previewExperiment.ts';
import { startWarnings } from '../experiments/startWarnings.ts';
import { findStore } from '../experiments/store.ts';
import { newRun, type PreparedRun, reopenRun, trainRun } from '../experiments/trainExperiment.ts';
import { freshPlace } from '../experiments/trainingPlace.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { writeObstacle } from '../foundation/files.ts';
import type { DoneEvent, StartEvent } from '../training/events.ts';
import { exitStatus } from './exitStatus.ts';
import { interruptible } from './interrupt.ts';
import { duration, TrainingProgress } from './progress.ts';
import { refuseChanges } from './resuming.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt train`. */
export interface TrainOptions {
  readonly set: readonly string[];
  readonly device?: string;
  readonly output?: string;
  readonly resume?: string;
  readonly json?: boolean;
}

/**
 * Trains an experiment in this process: there is no editor here to protect from a crash, and a second process would
 * only be something more between Ctrl-C, the figures and whoever waits for them.
 */
export async function train(
  file: string,
  options: TrainOptions,
  terminal: Terminal,
  env: Environment,
): Promise<number> {
  const output = options.output === undefined ? null : resolve(options.output);
  const obstacle = output === null ? null : await writeObstacle(output);
  if (obstacle !== null) {
    throw new SoftpromptError('option-invalid', { option: `--output ${output}`, problem: obstacle });
  }
  const prepared = await prepare(file, options, terminal, env);
  if (options.json !== true) {
    // What is wrong with the experiment is for the training to say, which then keeps no run.
    const lines = await previewTrained(prepared.loaded.experiment).then(moduleLines, () => []);
    for (const line of lines) terminal.note(line);
  }
  const progress = options.json === true ? null : new TrainingProgress(terminal);
  const stopping = (): void => terminal.note('\nStopping after this step; once more to stop at once.');
  const done = await interruptible(stopping, async (signal) => {
    let last: DoneEvent | null = null;
    for await (const event of trainRun(trainingEngine(freshPlace), prepared, output, signal, env)) {
      if (options.json === true) terminal.out(JSON.stringify(event));
      progress?.show(event);
      if (event.event === 'start') sayOfRows(event, terminal);
      if (event.event === 'done') last = event;
    }
    if (last === null)
      throw new SoftpromptError('internal', { problem: 'a training run ended without its last event' });
    return last;
  });
  if (options.json !== true) sayDone(done, terminal);
  if (done.reason !== 'stopped') return exitStatus.done;
  terminal.note(`Stopped after step ${done.step}. To go on:`);
  terminal.note(`  softprompt train ${file} --resume ${prepared.run.id}`);
  return exitStatus.failed;
}

async function prepare(
  file: string,
  { set, device, resume }: TrainOptions,
  terminal: Terminal,
  env: Environment,
): Promise<PreparedRun> {
  const store = findStore(file, process.cwd());
  if (resume !== undefined) {
    refuseChanges({ set, ...(device !== undefined && { device }) });
    return reopenRun(store, resume, env);
  }
  const settings = device === undefined ? set : [...set, `training.device=${device}`];
  const loaded = await readExperiment(file, settings);
  if (loaded.experiment.sweep !== undefined) {
    terminal.note(`Training with the values above the sweep. To try its values: softprompt sweep ${file}`);
  }
  return newRun(store, loaded, env);
}

function sayOfRows(start: StartEvent, terminal: Terminal): void {
  if (start.rows_form !== undefined) terminal.note(start.rows_form);
  for (const line of startWarnings(start)) terminal.note(line);
  if (start.rows_leaked !== undefined || start.rows_conflicting !== undefined) {
    terminal.note('softprompt preview names them.');
  }
}

function sayDone(done: DoneEvent, terminal: Terminal): void {
  const best =
    done.best_loss === null ? '' : `, validation loss ${done.best_loss.toFixed(4)} at step ${done.best_step}`;
  const early = done.reason === 'early_stopping' ? ' (stopped early)' : '';
  terminal.out(`${done.step} steps in ${duration(done.seconds)}${early}${best}`);
  if (done.energy_joules !== undefined) terminal.out(`${done.energy_joules.toFixed(0)} J, of the whole machine`);
  terminal.out(`${done.trainable_parameters.toLocaleString('en')} trained parameters`);
  terminal.out(`Adapter: ${done.adapter}`);
}
