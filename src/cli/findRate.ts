import { readExperiment } from '../experiments/experimentFile.ts';
import { findRate as search } from '../experiments/findRate.ts';
import { freshPlace } from '../experiments/trainingPlace.ts';
import { suggestedRate, type TriedRate } from '../training/rateRange.ts';
import { exitStatus } from './exitStatus.ts';
import { interruptible } from './interrupt.ts';
import { formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt find-lr`. */
export interface FindRateOptions {
  readonly set: readonly string[];
  readonly device?: string;
  readonly rates: number;
  readonly steps: number;
  readonly json?: boolean;
}

/** Trains a few steps at each of some learning rates and says which to take; fails when the loss falls at none. */
export async function findRate(file: string, options: FindRateOptions, terminal: Terminal): Promise<number> {
  const set = options.device === undefined ? options.set : [...options.set, `training.device=${options.device}`];
  const { experiment } = await readExperiment(file, set);
  const tried: TriedRate[] = [];
  await interruptible(
    () => terminal.note('\nStopping after this step.'),
    async (signal) => {
      for await (const rate of search(freshPlace, experiment, options, signal)) {
        tried.push(rate);
        if (options.json === true) terminal.out(JSON.stringify({ event: 'rate', ...rate }));
        else terminal.draw?.(`\r${tried.length} of ${options.rates} rates\u001b[K`);
      }
      signal.throwIfAborted();
    },
  );
  const rate = suggestedRate(tried);
  if (options.json === true) terminal.out(JSON.stringify({ event: 'done', suggested: rate }));
  else {
    terminal.draw?.('\r\u001b[K');
    for (const line of [...table(tried), '', wordsOf(rate, options.steps)]) terminal.out(line);
  }
  return rate === null ? exitStatus.failed : exitStatus.done;
}

function table(tried: readonly TriedRate[]): readonly string[] {
  const first = tried[0]?.first_loss ?? 1;
  const bar = (loss: number) => '█'.repeat(Math.min(30, Math.round((30 * loss) / first)));
  return formatTable([
    ['learning rate', 'loss', ''],
    ...tried.map(({ learning_rate, loss }) => [
      String(learning_rate),
      loss?.toFixed(4) ?? 'none',
      (loss === null ? '' : bar(loss)).padEnd(30),
    ]),
  ]);
}

function wordsOf(rate: number | null, steps: number): string {
  return rate === null
    ? 'The loss falls at none of these rates: look at the rows and the template, or set another training.learning_rate to search around.'
    : `Take training.learning_rate: ${rate}, where ${steps} steps bring the loss lowest.`;
}
