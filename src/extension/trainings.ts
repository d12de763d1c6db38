import type { TrainingEvent } from '../training/events.ts';
import type { TrainReport } from '../worker/protocol.ts';
import { type Disposable, Emitter, type Event } from './events.ts';
import { progressOf, type TrainingProgress } from './progress.ts';
import type { TrainingOrder, WorkerSession } from './workerSession.ts';

/** A training that this window has started and that has not ended. */
export interface LiveTraining {
  /** Absolute path of the experiment. */
  readonly experiment: string;
  /** Known from its first event on. */
  readonly runId: string | null;
  readonly stopping: boolean;
  /** Everything it has said since it was started here. */
  readonly events: readonly TrainingEvent[];
  readonly progress: TrainingProgress | null;
}

/** A training and the means to stop it. `said` is the training's own, growing list of events. */
interface Entry {
  training: LiveTraining;
  readonly said: TrainingEvent[];
  readonly controller: AbortController;
}

/** The trainings of this window, by experiment: one at a time of each, and the worker takes them in turn. */
export class Trainings implements Disposable {
  readonly #session: Pick<WorkerSession, 'train' | 'onTrainEvent'>;
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new Emitter<void>();
  readonly #evented = new Emitter<{ readonly runId: string; readonly event: TrainingEvent }>();
  readonly #subscription: Disposable;

  /** One was started, moved on or ended. */
  readonly onDidChange: Event<void> = this.#changed.event;
  readonly onEvent = this.#evented.event;

  constructor(session: Pick<WorkerSession, 'train' | 'onTrainEvent'>) {
    this.#session = session;
    this.#subscription = session.onTrainEvent(({ runId, event }) => this.#take(runId, event));
  }

  get all(): readonly LiveTraining[] {
    return [...this.#entries.values()].map((entry) => entry.training);
  }

  of(experiment: string): LiveTraining | null {
    return this.#entries.get(experiment)?.training ?? null;
  }

  run(runId: string): LiveTraining | null {
    return this.all.find((training) => training.runId === runId) ?? null;
  }

  /** Trains until the end, or until `stop`. The experiment must not be in training. */
  async train(order: TrainingOrder): Promise<TrainReport> {
    const { experiment } = order;
    const said: TrainingEvent[] = [];
    const entry: Entry = {
      training: { experiment, runId: order.resume, stopping: false, events: said, progress: null },
      said,
      controller: new AbortController(),
    };
    this.#entries.set(experiment, entry);
    this.#changed.fire();
    try {
      return await this.#session.train(order, entry.controller.signal);
    } finally {
      this.#entries.delete(experiment);
      this.#changed.fire();
    }
  }

  /** Stops after the current step, keeping a checkpoint. */
  stop(experiment: string): void {
    const entry = this.#entries.get(experiment);
    if (entry === undefined) return;
    entry.training = { ...entry.training, stopping: true };
    entry.controller.abort();
    this.#changed.fire();
  }

  dispose(): void {
    this.#subscription.dispose();
    for (const { controller } of this.#entries.values()) controller.abort();
  }

  #take(runId: string, event: TrainingEvent): void {
    const entry = this.#entryOf(runId);
    if (entry === null) return;
    entry.said.push(event);
    entry.training = { ...entry.training, runId, progress: progressOf(entry.said) };
    this.#evented.fire({ runId, event });
    this.#changed.fire();
  }

  #entryOf(runId: string): Entry | null {
    const entries = [...this.#entries.values()];
    const known = entries.find((entry) => entry.training.runId === runId);
    // A new run tells its id with its first event. Trainings take turns, so it is the first that has none yet.
    return known ?? entries.find((entry) => entry.training.runId === null) ?? null;
  }
}
