import type { TrainingOptions } from './options.ts';

type Schedule = TrainingOptions['lr_scheduler_type'];

/** Factor on the learning rate after the warm-up; `progress` runs from 0 to 1. */
const decays = {
  linear: (progress) => Math.max(0, 1 - progress),
  cosine: (progress) => Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress))),
  constant: () => 1,
} satisfies Record<Schedule, (progress: number) => number>;

/**
 * The learning rate of a step (counted from 0), as transformers' get_linear, get_cosine and get_constant
 * _schedule_with_warmup give it: with a warm-up the first step's rate is 0.
 */
export function learningRate(options: TrainingOptions, step: number, total: number): number {
  const warmup = options.warmup_steps ?? Math.ceil((options.warmup_ratio ?? 0) * total);
  if (step < warmup) return (options.learning_rate * step) / Math.max(1, warmup);
  return options.learning_rate * decays[options.lr_scheduler_type]((step - warmup) / Math.max(1, total - warmup));
}
