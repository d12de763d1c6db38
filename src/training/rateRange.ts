import { planBatches } from '../data/batches.ts';
import { Random } from '../foundation/random.ts';
import type { LossRunner } from '../inference/lossRunner.ts';
import type { RunnerSource } from '../inference/runnerSource.ts';
import type { Method, TrainedTensors } from '../methods/method.ts';
import type { LabelledRow } from '../models/labelledRow.ts';
import { supervisedWeight } from '../models/supervision.ts';
import type { Task } from '../models/task.ts';
import { clipFactor, gradientNorm } from './clipping.ts';
import { Optimizer, optimizedForm } from './optimizer.ts';
import type { TrainingOptions } from './options.ts';

/** What is tried, at which rates. */
export interface RateRangeSetup {
  readonly method: Method;
  readonly initial: TrainedTensors;
  readonly rows: readonly LabelledRow[];
  readonly task: Task;
  readonly options: TrainingOptions;
  readonly runners: RunnerSource;
  readonly lowest: number;
  readonly highest: number;
  /** Rates to try, evenly between the logarithms of the two. */
  readonly rates: number;
  /** Steps at each. */
  readonly steps: number;
}

/** What a rate came to. */
export interface TriedRate {
  readonly learning_rate: number;
  /** Mean over the last third of its steps; null where a loss or gradient was no finite number. */
  readonly loss: number | null;
  /** Of the first batch, before any step: the same at every rate. */
  readonly first_loss: number;
}

/**
 * Takes some steps at each of some rates, every time from the same beginning and on the same batches. The usual range test
 * (Smith, https://arxiv.org/abs/1506.01186, section 3.3) raises the rate within one training, where late rates profit from what
 * early ones learnt; soft prompts learn so fast that it then finds the highest rate that does no harm. Keeps nothing.
 */
export async function* rateRange(setup: RateRangeSetup, signal: AbortSignal): AsyncGenerator<TriedRate, void> {
  const { options, runners, lowest, highest, rates } = setup;
  const method = optimizedForm(setup.method, options.optim);
  const runner = await runners.open(method, true);
  try {
    for (let i = 0; i < rates && !signal.aborted; i++) {
      const rate = lowest * (highest / lowest) ** (i / Math.max(1, rates - 1));
      yield await triedRate({ ...setup, method }, runner, rate, signal);
    }
  } finally {
    await runners.release(runner);
  }
}

async function triedRate(
  { options, rows, task, method, initial, steps }: RateRangeSetup,
  runner: LossRunner,
  rate: number,
  signal: AbortSignal,
): Promise<TriedRate> {
  const tensors = new Map([...initial].map(([name, data]) => [name, data.slice()] as const));
  const optimizer = new Optimizer(options, method, tensors);
  const order = Random.of(options.seed, 'order');
  const batches = planBatches({
    lengths: rows.map((row) => row.inputIds.length),
    batchSize: options.per_device_train_batch_size * options.gradient_accumulation_steps,
    random: () => order.uniform(),
    shuffle: options.shuffle,
  });
  const losses: number[] = [];
  for (let step = 0; step < steps && !signal.aborted; step++) {
    const batch = batches.next().value.map((row) => rows[row]!);
    const weight = batch.reduce((sum, row) => sum + supervisedWeight(task, row, method), 0);
    const { loss, gradients } = await runner.run(batch, tensors, 1 / Math.max(weight, 1e-12));
    losses.push(loss);
    const norm = gradientNorm(gradients);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) break;
    optimizer.step(tensors, gradients, rate, clipFactor(norm, options.max_grad_norm));
  }
  const last = losses.slice(-Math.ceil(steps / 3));
  const mean = last.reduce((sum, loss) => sum + loss, 0) / last.length;
  const whole = losses.length === steps && Number.isFinite(mean);
  return { learning_rate: Number(rate.toPrecision(2)), loss: whole ? mean : null, first_loss: losses[0]! };
}

/** The rate with the lowest loss; null where none brought it a twentieth below where all began. */
export function suggestedRate(tried: readonly TriedRate[]): number | null {
  const best = tried.reduce<TriedRate | null>(
    (a, b) => (b.loss !== null && (a?.loss == null || b.loss < a.loss) ? b : a),
    null,
  );
  if (best?.loss == null || best.loss > 0.95 * best.first_loss) return null;
  return best.learning_rate;
}
