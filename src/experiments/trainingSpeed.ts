import type { TrainingEvent } from '../training/events.ts';

/** Seconds of the steps and validations of a training; null without a step. */
export function trainingSeconds(events: readonly TrainingEvent[]): number | null {
  const timed = events.filter((event) => event.event === 'step' || event.event === 'eval');
  return timed.some(({ event }) => event === 'step') ? timed.reduce((sum, { seconds }) => sum + seconds, 0) : null;
}

/**
 * Real tokens a second over the steps of a training, validations left out; null without a step. The first step, in which
 * the runtime prepares itself, counts only where it is the only one.
 */
export function trainingSpeed(events: readonly TrainingEvent[]): number | null {
  const steps = events.filter((event) => event.event === 'step');
  const counted = steps.length > 1 ? steps.slice(1) : steps;
  const seconds = counted.reduce((sum, step) => sum + step.seconds, 0);
  return seconds === 0 ? null : counted.reduce((sum, step) => sum + step.tokens, 0) / seconds;
}
