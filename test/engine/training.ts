import { freshRunners } from '../../src/inference/runnerSource.ts';
import type { TrainedTensors } from '../../src/methods/method.ts';
import type { DoneEvent, TrainingEvent } from '../../src/training/events.ts';
import type { TrainingOptions } from '../../src/training/options.ts';
import { type TrainingOutcome, type TrainingSetup, train } from '../../src/training/train.ts';

/** Options that a test changes where it must. */
export const plainOptions: TrainingOptions = {
  num_train_epochs: 1,
  per_device_train_batch_size: 4,
  gradient_accumulation_steps: 1,
  learning_rate: 0.03,
  lr_scheduler_type: 'constant',
  weight_decay: 0,
  max_grad_norm: 0,
  optim: 'adamw',
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  eval_steps: 1000,
  shuffle: false,
  seed: 1,
};

type Event = Exclude<TrainingEvent, DoneEvent>;

/** What a test gives of a setup; the rest is as plain as can be. */
export type TestSetup = Pick<TrainingSetup, 'model' | 'method' | 'initial' | 'rows' | 'checkpoints'> &
  Partial<TrainingSetup>;

/** Trains to the end; `onEvent` sees the events as they come and may abort. */
export async function trained(
  setup: TestSetup,
  onEvent?: (event: Event, abort: () => void) => void,
): Promise<{ readonly events: readonly Event[]; readonly outcome: TrainingOutcome }> {
  const controller = new AbortController();
  const rest = { validation: [], options: plainOptions, device: 'cpu', resume: null, sample: null } as const;
  const runners = freshRunners(setup.model, 'cpu');
  const run = train({ ...rest, runners, now: () => 0, ...setup }, controller.signal);
  const events: Event[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done) return { events, outcome: next.value };
    events.push(next.value);
    onEvent?.(next.value, () => controller.abort());
  }
}

/** The bytes of trained tensors, by name. */
export function bytesOf(tensors: TrainedTensors): Record<string, string> {
  const hex = (data: Float32Array) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');
  return Object.fromEntries([...tensors].map(([name, data]) => [name, hex(data)]));
}
