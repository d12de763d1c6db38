import type { DoneEvent, EvalEvent, SampleEvent, StartEvent, StepEvent, TrainingEvent } from '../training/events.ts';

/** How many of the last steps a pace is judged by. */
const recentSteps = 20;

/** The points of one run, in the order of their steps. */
export class RunSeries {
  start: StartEvent | null = null;
  done: DoneEvent | null = null;
  sample: SampleEvent | null = null;
  steps: StepEvent[] = [];
  evals: EvalEvent[] = [];
  /** What to know of the rows before believing the figures. */
  warnings: readonly string[] = [];

  /**
   * Takes events as they come. A `start` takes back what lies after the step it continues from, so a run that was resumed
   * is one line, and hearing the same events twice changes nothing.
   * @param warnings what their start says of the rows; null where it is none of them
   */
  add(events: readonly TrainingEvent[], warnings: readonly string[] | null): void {
    for (const event of events) this.#take(event);
    this.warnings = warnings ?? this.warnings;
  }

  /** Tokens a second over the last steps, or null before the first. */
  tokensPerSecond(): number | null {
    const recent = this.steps.slice(-recentSteps);
    const seconds = recent.reduce((sum, step) => sum + step.seconds, 0);
    return seconds > 0 ? recent.reduce((sum, step) => sum + step.tokens, 0) / seconds : null;
  }

  /** The lowest validation loss, or null without one. */
  best(): EvalEvent | null {
    return this.evals.reduce<EvalEvent | null>(
      (best, each) => (best === null || each.loss < best.loss ? each : best),
      null,
    );
  }

  #take(event: TrainingEvent): void {
    switch (event.event) {
      case 'start':
        this.start = event;
        this.done = null;
        this.steps = this.steps.filter(({ step }) => step <= event.resumed_from);
        this.evals = this.evals.filter(({ step }) => step <= event.resumed_from);
        return;
      case 'step':
        if (event.step > (this.steps.at(-1)?.step ?? 0)) this.steps.push(event);
        return;
      case 'eval':
        if (event.step > (this.evals.at(-1)?.step ?? -1)) this.evals.push(event);
        return;
      case 'sample':
        this.sample = event;
        return;
      case 'done':
        this.done = event;
        return;
      case 'checkpoint':
        return;
    }
  }
}
