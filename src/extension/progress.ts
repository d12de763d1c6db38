import type { StartEvent, StepEvent, TrainingEvent } from '../training/events.ts';
import { formatFigure, formatSeconds } from './figures.ts';

/** How many of the last steps the time of the next ones is judged by: enough to even out lengths, few enough to follow a change. */
const recentSteps = 20;

/** How far a run is, from the events it sent; `null` before its first step. */
export interface TrainingProgress {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  readonly tokensPerSecond: number;
  /** Seconds until the last step at the pace of the last ones, validation not counted. */
  readonly secondsLeft: number;
}

/** How far the run is. `events` are in their order; a resumed run's later `start` counts. */
export function progressOf(events: readonly TrainingEvent[]): TrainingProgress | null {
  const start = events.findLast((event): event is StartEvent => event.event === 'start');
  const recent: StepEvent[] = [];
  for (let i = events.length - 1; i >= 0 && recent.length < recentSteps; i--) {
    const event = events[i] as TrainingEvent;
    if (event.event === 'start') break;
    if (event.event === 'step') recent.push(event);
  }
  const last = recent[0];
  if (start === undefined || last === undefined) return null;
  const seconds = recent.reduce((sum, step) => sum + step.seconds, 0);
  const tokens = recent.reduce((sum, step) => sum + step.tokens, 0);
  return {
    step: last.step,
    totalSteps: start.total_steps,
    loss: last.loss,
    tokensPerSecond: seconds > 0 ? tokens / seconds : 0,
    secondsLeft: Math.max(0, start.total_steps - last.step) * (seconds / recent.length),
  };
}

/** The progress in a line: 'step 30 of 120 · loss 1.234 · 12 s left'. */
export function progressWords(progress: TrainingProgress): string {
  const parts = [`step ${progress.step} of ${progress.totalSteps}`, `loss ${formatFigure(progress.loss)}`];
  if (progress.step < progress.totalSteps) parts.push(`${formatSeconds(progress.secondsLeft)} left`);
  return parts.join(' · ');
}
