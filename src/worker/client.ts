import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { CancellationTokenSource, type Disposable, Emitter, type RequestType, ResponseError } from 'vscode-jsonrpc';
import {
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import type { EvaluationProgress } from '../evaluation/result.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { TrainingEvent } from '../training/events.ts';
import {
  evaluateProgress,
  heartbeat,
  hello,
  protocolVersion,
  trainEvent,
  type WorkerErrorData,
  type WorkerGreeting,
  type WorkProgress,
  workProgress,
} from './protocol.ts';

/** How a worker process ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** The last lines it wrote. */
  readonly lastLog: readonly string[];
}

/** What a client needs to start its worker. */
export interface WorkerClientOptions {
  /** The worker's script. */
  readonly entry: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Silence after which the worker counts as not responding, milliseconds; default 30 s. */
  readonly silenceLimit?: number;
  readonly fork?: (entry: string, options: ForkOptions) => ChildProcess;
}

interface RunningWorker {
  readonly child: ChildProcess;
  readonly connection: MessageConnection;
  /** Never rejects. */
  readonly exited: Promise<WorkerExit>;
  /** Rejects when the two do not speak the same protocol. */
  readonly ready: Promise<WorkerGreeting>;
}

const keptLogLines = 20;
const killAfterMilliseconds = 2000;

/**
 * A worker process and the requests to it. The first request (or `start`) forks it; after it has ended, by itself or
 * not, the next request forks another. Every request is answered: with its result, the worker's error, or
 * 'worker-exited' when the process ends first.
 */
export class WorkerClient implements Disposable {
  readonly #options: WorkerClientOptions;
  readonly #trainEvents = new Emitter<{ readonly runId: string; readonly event: TrainingEvent }>();
  readonly #evaluateProgress = new Emitter<EvaluationProgress>();
  readonly #workProgress = new Emitter<WorkProgress>();
  readonly #heartbeats = new Emitter<{ readonly residentBytes: number }>();
  readonly #logLines = new Emitter<string>();
  readonly #exits = new Emitter<WorkerExit>();
  readonly #silences = new Emitter<{ readonly seconds: number }>();

  /** Events of a training under way. */
  readonly onTrainEvent = this.#trainEvents.event;
  readonly onEvaluateProgress = this.#evaluateProgress.event;
  readonly onWorkProgress = this.#workProgress.event;
  readonly onHeartbeat = this.#heartbeats.event;
  /** A line the worker wrote to standard error or output. */
  readonly onLog = this.#logLines.event;
  /** The process ended although nobody disposed this client. */
  readonly onExit = this.#exits.event;
  /** No heartbeat for `silenceLimit`; once for each silence. */
  readonly onUnresponsive = this.#silences.event;

  #running: RunningWorker | null = null;
  #disposed = false;

  constructor(options: WorkerClientOptions) {
    this.#options = options;
  }

  /** Forks the worker unless it runs, and greets it. @throws 'from-worker' (another protocol), 'worker-exited' */
  async start(): Promise<WorkerGreeting> {
    return this.#worker().ready;
  }

  /**
   * Sends a request and waits for its answer. Aborting asks the worker to stop: the answer still comes from it, so that
   * a training stopped in this way gives its report.
   * @throws SoftpromptError: 'cancelled', 'worker-exited', or 'from-worker' with the worker's own words
   */
  async request<P, R>(
    type: RequestType<P, R, WorkerErrorData>,
    params: P,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<R> {
    const worker = this.#worker();
    await worker.ready;
    return send(worker, type, params, options.signal);
  }

  /** Ends the worker; requests under way are rejected. */
  dispose(): void {
    this.#disposed = true;
    const { child } = this.#running ?? {};
    if (child === undefined) return;
    child.kill();
    setTimeout(() => child.kill('SIGKILL'), killAfterMilliseconds).unref();
  }

  #worker(): RunningWorker {
    if (this.#disposed) throw new SoftpromptError('cancelled', {});
    this.#running ??= this.#fork();
    return this.#running;
  }

  #fork(): RunningWorker {
    const child = (this.#options.fork ?? fork)(this.#options.entry, {
      // In an Electron host the same binary is Node only when told so.
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', ...this.#options.env },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const connection = createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
    const lastLog = this.#collectLog(child);
    const exited = new Promise<WorkerExit>((resolve) => {
      child.once('error', (error) => lastLog.push(error.message));
      child.once('close', (code, signal) => resolve({ code, signal, lastLog }));
    });
    const stopWatching = this.#watchHeartbeats(connection);
    connection.onNotification(trainEvent, (message) => this.#trainEvents.fire(message));
    connection.onNotification(evaluateProgress, (progress) => this.#evaluateProgress.fire(progress));
    connection.onNotification(workProgress, (progress) => this.#workProgress.fire(progress));
    connection.listen();

    const ready = send({ connection, exited }, hello, { protocolVersion }, undefined);
    ready.catch(() => undefined);
    const running = { child, connection, exited, ready };
    void exited.then((exit) => {
      stopWatching();
      if (this.#running === running) this.#running = null;
      if (!this.#disposed) this.#exits.fire(exit);
    });
    return running;
  }

  /** The last lines of the child's output, kept up to date. */
  #collectLog(child: ChildProcess): string[] {
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        if (lines.length > keptLogLines) lines.shift();
        this.#logLines.fire(line);
      });
    }
    return lines;
  }

  /** Passes heartbeats on and reports when they stay away; gives the function that ends it. */
  #watchHeartbeats(connection: MessageConnection): () => void {
    const limit = this.#options.silenceLimit ?? 30_000;
    const report = (): void => this.#silences.fire({ seconds: limit / 1000 });
    let timer = setTimeout(report, limit).unref();
    connection.onNotification(heartbeat, (beat) => {
      clearTimeout(timer);
      timer = setTimeout(report, limit).unref();
      this.#heartbeats.fire(beat);
    });
    return () => clearTimeout(timer);
  }
}

async function send<P, R>(
  { connection, exited }: Pick<RunningWorker, 'connection' | 'exited'>,
  type: RequestType<P, R, WorkerErrorData>,
  params: P,
  signal: AbortSignal | undefined,
): Promise<R> {
  if (signal?.aborted) throw new SoftpromptError('cancelled', {});
  const source = new CancellationTokenSource();
  const cancel = (): void => source.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  const answered = connection.sendRequest<R>(type.method, params, source.token).catch((error: unknown) => {
    throw fromWorker(type.method, error);
  });
  const ended = exited.then((exit): never => {
    throw new SoftpromptError('worker-exited', exit);
  });
  try {
    return await Promise.race([answered, ended]);
  } finally {
    signal?.removeEventListener('abort', cancel);
    source.dispose();
    // Whichever loses the race has nobody left to tell.
    answered.catch(() => undefined);
    ended.catch(() => undefined);
  }
}

/** The worker's error as ours, with the words it had there. */
function fromWorker(method: string, error: unknown): SoftpromptError {
  const data = error instanceof ResponseError ? (error.data as WorkerErrorData | undefined) : undefined;
  if (data?.reason === 'cancelled') return new SoftpromptError('cancelled', {}, { cause: error });
  if (data !== undefined) return new SoftpromptError('from-worker', data, { cause: error });
  const problem = error instanceof Error ? error.message : String(error);
  return new SoftpromptError('worker-message', { method, problem }, { cause: error });
}
