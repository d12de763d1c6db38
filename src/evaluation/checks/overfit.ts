import { Random } from '../../foundation/random.ts';
import type { Method, TrainedTensors } from '../../methods/method.ts';
import { trainingForm } from '../../methods/promptEncoder.ts';
import type { LabelledRow } from '../../models/labelledRow.ts';
import { supervisedWeight } from '../../models/supervision.ts';
import { clipFactor, gradientNorm } from '../../training/clipping.ts';
import { Optimizer } from '../../training/optimizer.ts';
import type { TrainingOptions } from '../../training/options.ts';
import type { CheckSubject, GradientSource, Measured } from './check.ts';

/** Steps taken, and rows in the batch. */
export const [overfitSteps, overfitRows] = [30, 4] as const;

/** Plain AdamW as the experiment file has it by default. */
const options: Omit<TrainingOptions, 'learning_rate'> = {
  num_train_epochs: 1,
  per_device_train_batch_size: overfitRows,
  gradient_accumulation_steps: 1,
  lr_scheduler_type: 'constant',
  weight_decay: 0,
  max_grad_norm: 1,
  optim: 'adamw',
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  eval_steps: overfitSteps,
  shuffle: false,
  seed: 0,
};

/**
 * Trains the method anew on one batch and gives the lowest loss reached over the first one: a method that cannot learn
 * four rows by heart will not learn more of them.
 */
export async function overfitShare(subject: CheckSubject, signal: AbortSignal): Promise<Measured> {
  const { language, adapter, learningRate } = subject;
  const { model } = language;
  const batch = (subject.rows ?? [])
    .filter((row) => supervisedWeight(model.task, row, adapter.method) > 0)
    .slice(0, overfitRows);
  if (batch.length === 0) return { none: 'the training rows are not known' };
  const random = Random.of(0, 'overfit check');
  const encode = language.hasTokenizer
    ? (text: string) => language.tokenizer.encode(text, { addSpecialTokens: true })
    : null;
  const initial = await adapter.method.initialise({ model, random, encode });
  const method = trainingForm(adapter.method);
  const weight = batch.reduce((sum, row) => sum + supervisedWeight(model.task, row, method), 0);
  const source = await subject.gradients(method);
  try {
    return await fall(source, method, initial, { batch, weight, learningRate }, signal);
  } finally {
    await source.close();
  }
}

async function fall(
  source: GradientSource,
  method: Method,
  initial: TrainedTensors,
  { batch, weight, learningRate }: { batch: readonly LabelledRow[]; weight: number; learningRate: number },
  signal: AbortSignal,
): Promise<number> {
  const tensors = new Map([...initial].map(([name, data]) => [name, data.slice()] as const));
  const optimizer = new Optimizer({ ...options, learning_rate: learningRate }, method, tensors);
  const losses: number[] = [];
  for (let step = 0; step <= overfitSteps; step++) {
    signal.throwIfAborted();
    const { loss, gradients } = await source.run(batch, tensors, 1 / weight, 0);
    losses.push(loss);
    optimizer.step(tensors, gradients, learningRate, clipFactor(gradientNorm(gradients), options.max_grad_norm));
  }
  return Math.min(...losses.slice(1)) / losses[0]!;
}
