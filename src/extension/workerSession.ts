import type { RequestType } from 'vscode-jsonrpc';
import type { EvaluationProgress, EvaluationResult } from '../evaluation/result.ts';
import type { ExportReport } from '../experiments/exporting.ts';
import type { TrainingEvent } from '../training/events.ts';
import type { WorkerClient, WorkerExit } from '../worker/client.ts';
import {
  type ActivationReport,
  type AnswerReport,
  activate,
  answer,
  type ExportOrder,
  evaluate,
  exportAdapter,
  loadModel,
  type ModelReport,
  type TrainReport,
  train,
  type WorkerErrorData,
  type WorkProgress,
} from '../worker/protocol.ts';
import { abortable } from './abortable.ts';
import { type Disposable, Emitter, type Event } from './events.ts';

/** What the session needs of a worker; a test has one without a process. */
export type WorkerConnection = Pick<
  WorkerClient,
  | 'start'
  | 'request'
  | 'dispose'
  | 'onTrainEvent'
  | 'onEvaluateProgress'
  | 'onWorkProgress'
  | 'onHeartbeat'
  | 'onLog'
  | 'onExit'
  | 'onUnresponsive'
>;

/** The worker as the status bar shows it. */
export interface SessionState {
  readonly worker: 'off' | 'running' | 'crashed';
  /** The model it holds. */
  readonly model: ModelReport | null;
  /** Folder of the adapter that answers, or that will with the next request; null for the base model. */
  readonly adapter: string | null;
  /** What it is busy with, e.g. 'training commit-kind'. */
  readonly activity: string | null;
  readonly residentBytes: number | null;
}

/** Where a request is to be answered: a model's folder and the device asked for. */
export interface ModelPlace {
  readonly dir: string;
  readonly device: string;
}

/** What to train. */
export interface TrainingOrder {
  /** Absolute path. */
  readonly experiment: string;
  readonly name: string;
  /** Absolute folder of `.softprompt`. */
  readonly store: string;
  /** A run to go on with, or null for a new one. */
  readonly resume: string | null;
  /** KEY=VALUE overrides. */
  readonly set: readonly string[];
}

/**
 * The one owner of the worker process and of what it holds. Starts it with the first request, loads the model that a
 * request is about, makes the active adapter active, and lets one request at a time through, in the order they came.
 * After a crash the next request starts again from there. Owns nothing of VS Code's.
 */
export class WorkerSession implements Disposable {
  readonly #connect: () => WorkerConnection;
  readonly #changed = new Emitter<SessionState>();
  readonly #trained = new Emitter<{ readonly runId: string; readonly event: TrainingEvent }>();
  readonly #crashed = new Emitter<WorkerExit>();
  readonly #silent = new Emitter<number>();
  readonly #logged = new Emitter<string>();

  readonly onDidChange: Event<SessionState> = this.#changed.event;
  /** Every event of every training, as the worker sends it. */
  readonly onTrainEvent = this.#trained.event;
  /** The worker ended although nobody asked it to. */
  readonly onCrash: Event<WorkerExit> = this.#crashed.event;
  /** The worker has not been heard of for so many seconds. */
  readonly onSilence: Event<number> = this.#silent.event;
  /** A line the worker wrote. */
  readonly onLog: Event<string> = this.#logged.event;

  #state: SessionState = { worker: 'off', model: null, adapter: null, activity: null, residentBytes: null };
  #worker: WorkerConnection | null = null;
  /** The place whose model the worker holds; `auto` stays `auto`. */
  #loaded: ModelPlace | null = null;
  /** The adapter the worker holds, which follows `state.adapter` before each answer. */
  #activated: string | null = null;
  /** Resolved when every request so far has ended. */
  #queue: Promise<unknown> = Promise.resolve();
  #evaluateProgress: ((progress: EvaluationProgress) => void) | null = null;
  #workProgress: ((progress: WorkProgress) => void) | null = null;

  /** `connect` makes a worker that is not started yet; `adapter` is the one that was active when the window closed. */
  constructor(connect: () => WorkerConnection, adapter: string | null) {
    this.#connect = connect;
    this.#state = { ...this.#state, adapter };
  }

  get state(): SessionState {
    return this.#state;
  }

  /**
   * Makes an adapter (null: the base model) the one that answers. While the worker is busy the swap takes effect with
   * the next answer and null is returned at once; else the time it took. An adapter that does not fit leaves the one before.
   */
  async activate(adapter: string | null, place: ModelPlace, signal: AbortSignal): Promise<ActivationReport | null> {
    if (this.#state.activity !== null) {
      this.#set({ adapter });
      return null;
    }
    const before = this.#state.adapter;
    return this.#inTurn('swapping the adapter', signal, async (worker) => {
      await this.#ensureModel(worker, place, signal);
      this.#set({ adapter });
      try {
        return await this.#ensureAdapter(worker, signal, true);
      } catch (error) {
        this.#set({ adapter: before });
        throw error;
      }
    });
  }

  /** Forgets the active adapter, e.g. because its files are gone; takes effect with the next answer. */
  forgetAdapter(): void {
    this.#set({ adapter: null });
  }

  /** What the active adapter and the base model say of a text. */
  answer(text: string, place: ModelPlace, signal: AbortSignal): Promise<AnswerReport> {
    return this.#inTurn('answering', signal, async (worker) => {
      await this.#ensureModel(worker, place, signal);
      await this.#ensureAdapter(worker, signal, false);
      return worker.request(answer, { text }, { signal });
    });
  }

  /**
   * Trains an experiment; its events come through `onTrainEvent`. Cancelling stops after the current step. The training
   * opens the experiment's model by itself, so the one that is loaded stays.
   */
  train(order: TrainingOrder, signal: AbortSignal): Promise<TrainReport> {
    const { experiment, store, resume, set, name } = order;
    return this.#inTurn(`training ${name}`, signal, (worker) =>
      worker.request(train, { experiment, set: [...set], store, resume }, { signal }),
    );
  }

  /** Compares adapters with the base model and the hard prompts on the experiment's test rows. */
  evaluate(
    params: {
      readonly experiment: string;
      readonly store: string;
      readonly adapters: readonly string[];
      readonly runId: string | null;
      readonly name: string;
    },
    place: ModelPlace,
    signal: AbortSignal,
    progress: (progress: EvaluationProgress) => void,
  ): Promise<EvaluationResult> {
    const { experiment, store, adapters, runId, name } = params;
    return this.#inTurn(`evaluating ${name}`, signal, async (worker) => {
      await this.#ensureModel(worker, place, signal);
      this.#evaluateProgress = progress;
      try {
        return await worker.request(
          evaluate,
          { experiment, set: [], store, adapters: [...adapters], runId },
          { signal },
        );
      } finally {
        this.#evaluateProgress = null;
        // An evaluation swaps its own arms in; what it left active is not known here.
        this.#activated = unknownAdapter;
      }
    });
  }

  /** Writes an adapter of a model for other programs. */
  exportAdapter(order: ExportOrder, place: ModelPlace, signal: AbortSignal): Promise<ExportReport> {
    return this.#inTurn('exporting', signal, async (worker) => {
      await this.#ensureModel(worker, place, signal);
      return worker.request(exportAdapter, order, { signal });
    });
  }

  /** Asks for work that opens what it needs by itself, so that the model that is loaded stays: merging, combining. */
  work<P, R>(
    activity: string,
    type: RequestType<P, R, WorkerErrorData>,
    params: P,
    signal: AbortSignal,
    progress: (progress: WorkProgress) => void = () => undefined,
  ): Promise<R> {
    return this.#inTurn(activity, signal, async (worker) => {
      this.#workProgress = progress;
      try {
        return await worker.request(type, params, { signal });
      } finally {
        this.#workProgress = null;
      }
    });
  }

  /** Ends the worker; what it was asked fails, and the next request starts another. */
  endWorker(): void {
    this.#worker?.dispose();
    this.#worker = null;
    this.#lose('off');
  }

  dispose(): void {
    this.#worker?.dispose();
  }

  /** Runs `work` when all requests before it have ended. A request that is cancelled while it waits is never sent. */
  async #inTurn<R>(activity: string, signal: AbortSignal, work: (worker: WorkerConnection) => Promise<R>): Promise<R> {
    const before = this.#queue;
    let leave = (): void => undefined;
    const turn = new Promise<void>((resolve) => {
      leave = resolve;
    });
    this.#queue = before.then(() => turn);
    try {
      await abortable(before, signal);
      this.#set({ activity });
      this.#worker ??= this.#start();
      const worker = this.#worker;
      await abortable(worker.start(), signal);
      if (this.#state.worker !== 'running') this.#set({ worker: 'running' });
      return await work(worker);
    } finally {
      leave();
      if (this.#state.activity === activity) this.#set({ activity: null });
    }
  }

  #start(): WorkerConnection {
    const worker = this.#connect();
    worker.onTrainEvent((message) => this.#trained.fire(message));
    worker.onEvaluateProgress((progress) => this.#evaluateProgress?.(progress));
    worker.onWorkProgress((progress) => this.#workProgress?.(progress));
    worker.onHeartbeat(({ residentBytes }) => this.#set({ residentBytes }));
    worker.onLog((line) => this.#logged.fire(line));
    worker.onUnresponsive(({ seconds }) => this.#silent.fire(seconds));
    worker.onExit((exit) => {
      this.#lose('crashed');
      this.#crashed.fire(exit);
    });
    return worker;
  }

  #lose(worker: 'off' | 'crashed'): void {
    this.#loaded = null;
    this.#activated = null;
    this.#set({ worker, model: null, residentBytes: null });
  }

  async #ensureModel(worker: WorkerConnection, place: ModelPlace, signal: AbortSignal): Promise<ModelReport> {
    const { model } = this.#state;
    if (model !== null && this.#loaded?.dir === place.dir && this.#loaded.device === place.device) return model;
    this.#loaded = null;
    this.#set({ model: null });
    const report = await worker.request(loadModel, { dir: place.dir, device: place.device }, { signal });
    this.#loaded = place;
    this.#activated = null;
    this.#set({ model: report });
    return report;
  }

  async #ensureAdapter(worker: WorkerConnection, signal: AbortSignal, always: boolean): Promise<ActivationReport> {
    const { adapter } = this.#state;
    if (!always && this.#activated === adapter) return { adapter, milliseconds: 0 };
    const report = await worker.request(activate, { adapter }, { signal });
    this.#activated = adapter;
    return report;
  }

  #set(change: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...change };
    this.#changed.fire(this.#state);
  }
}

/** Stands for an adapter that no folder can be. */
const unknownAdapter = '\0';
