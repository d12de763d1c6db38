/**
 * `npm run demo`: the main job in the terminal. Trains the sample experiments one after the other, compares each with
 * the base model and the hand-written prompts on held-out rows, and ends with the tables and where the adapters lie.
 * It runs on the CPU, so that the figures are the same on every machine.
 */
import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { comparison, showProgress } from '../src/cli/evaluate.ts';
import { reportOf } from '../src/cli/exitStatus.ts';
import { interruptible } from '../src/cli/interrupt.ts';
import { duration, TrainingProgress } from '../src/cli/progress.ts';
import { processTerminal } from '../src/cli/terminal.ts';
import { engineEvaluation, openEachTime } from '../src/experiments/engineEvaluation.ts';
import { trainingEngine } from '../src/experiments/engineTraining.ts';
import { processEnvironment } from '../src/experiments/environment.ts';
import { evaluateExperiment } from '../src/experiments/evaluateExperiment.ts';
import { readExperiment } from '../src/experiments/experimentFile.ts';
import { labelOf } from '../src/experiments/library.ts';
import { findStore } from '../src/experiments/store.ts';
import { newRun, trainRun } from '../src/experiments/trainExperiment.ts';
import { freshPlace } from '../src/experiments/trainingPlace.ts';
import { SoftpromptError } from '../src/foundation/errors.ts';

const root = join(import.meta.dirname, '..');
const samples = join(root, 'samples');
const terminal = processTerminal();
const env = processEnvironment();

/** Trains and evaluates one experiment; gives what is to be said of it at the end. */
async function demonstrate(file: string, signal: AbortSignal): Promise<string[]> {
  const loaded = await readExperiment(file, ['training.device=cpu']);
  const store = findStore(file, samples);
  terminal.note(`\n${loaded.name}: training`);
  const progress = new TrainingProgress(terminal);
  const prepared = await newRun(store, loaded, env);
  let adapter = '';
  for await (const event of trainRun(trainingEngine(freshPlace), prepared, null, signal, env)) {
    progress.show(event);
    if (event.event !== 'done') continue;
    if (event.reason === 'stopped') throw new SoftpromptError('cancelled', {});
    adapter = event.adapter;
    terminal.note(`${event.step} steps in ${duration(event.seconds)}`);
  }

  terminal.note(`${loaded.name}: comparing with the base model and hand-written prompts`);
  const adapters = [{ label: labelOf(store, adapter), dir: adapter }];
  const request = { store, loaded, adapters, runId: prepared.run.id };
  const events = evaluateExperiment(engineEvaluation(openEachTime, env), request, signal, env);
  let next = await events.next();
  for (; !next.done; next = await events.next()) showProgress(next.value, terminal);
  return [`=== ${loaded.name} ===`, ...comparison(next.value), `Adapter: ${relative(root, adapter)}`];
}

try {
  const report = await interruptible(
    () => terminal.note('\nStopping.'),
    async (signal) => {
      const lines: string[] = [];
      for (const file of globSync(join(samples, '*.tune.yaml')).sort())
        lines.push('', ...(await demonstrate(file, signal)));
      return lines;
    },
  );
  for (const line of report) terminal.out(line);
} catch (error) {
  const { lines, status } = reportOf(error);
  for (const line of lines) terminal.note(line);
  process.exitCode = status;
}
