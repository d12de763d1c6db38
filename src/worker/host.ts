import { type CancellationToken, type RequestType, ResponseError } from 'vscode-jsonrpc';
import {
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import type { z } from 'zod';
import type { CheckResult } from '../evaluation/checks/check.ts';
import type { EvaluationProgress, EvaluationResult } from '../evaluation/result.ts';
import type { ExportReport } from '../experiments/exporting.ts';
import type { MergeResult } from '../experiments/mergeModel.ts';
import { explain, isAbort, SoftpromptError } from '../foundation/errors.ts';
import type { TrainingEvent } from '../training/events.ts';
import {
  type ActivationReport,
  type AnswerReport,
  activate,
  activateParams,
  answer,
  answerParams,
  type CombineReport,
  checkAdapter,
  checkParams,
  combine,
  combineParams,
  type DeviceReport,
  devices,
  devicesParams,
  type ExportOrder,
  evaluate,
  evaluateParams,
  evaluateProgress,
  exportAdapter,
  exportParams,
  heartbeat,
  hello,
  helloParams,
  loadModel,
  loadModelParams,
  type ModelReport,
  merge,
  mergeParams,
  preview,
  previewParams,
  protocolVersion,
  type SweepOrder,
  type SweepReport,
  saveCombined,
  saveCombinedParams,
  sweep,
  sweepParams,
  type TrainReport,
  train,
  trainEvent,
  trainParams,
  type WorkerErrorData,
  type WorkProgress,
  workerErrorCode,
  workProgress,
} from './protocol.ts';
import { RequestQueue } from './requestQueue.ts';

/** What the worker does for its client; cancelling aborts the signal. */
export interface WorkerService {
  devices(): Promise<readonly DeviceReport[]>;
  loadModel(params: z.infer<typeof loadModelParams>, signal: AbortSignal): Promise<ModelReport>;
  activate(params: z.infer<typeof activateParams>, signal: AbortSignal): Promise<ActivationReport>;
  train(
    params: z.infer<typeof trainParams>,
    signal: AbortSignal,
    report: (runId: string, event: TrainingEvent) => void,
  ): Promise<TrainReport>;
  sweep(order: SweepOrder, signal: AbortSignal, report: (progress: WorkProgress) => void): Promise<SweepReport>;
  preview(params: z.infer<typeof previewParams>): Promise<readonly string[]>;
  evaluate(
    params: z.infer<typeof evaluateParams>,
    signal: AbortSignal,
    report: (progress: EvaluationProgress) => void,
  ): Promise<EvaluationResult>;
  answer(params: z.infer<typeof answerParams>, signal: AbortSignal): Promise<AnswerReport>;
  exportAdapter(order: ExportOrder, signal: AbortSignal): Promise<ExportReport>;
  merge(
    params: z.infer<typeof mergeParams>,
    signal: AbortSignal,
    report: (progress: WorkProgress) => void,
  ): Promise<MergeResult>;
  checkAdapter(
    params: z.infer<typeof checkParams>,
    signal: AbortSignal,
    report: (progress: WorkProgress) => void,
  ): Promise<readonly CheckResult[]>;
  combine(
    params: z.infer<typeof combineParams>,
    signal: AbortSignal,
    report: (progress: WorkProgress) => void,
  ): Promise<CombineReport>;
  saveCombined(params: z.infer<typeof saveCombinedParams>): Promise<{ readonly adapter: string }>;
}

const heartbeatMilliseconds = 1000;

/**
 * Serves requests over this process's IPC channel until the parent goes away. Parameters are validated; requests for
 * the model wait for each other; whatever is thrown crosses as WorkerErrorData. Log lines go to standard error.
 */
export function serve(service: WorkerService): void {
  const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
  const queue = new RequestQueue();
  const queued =
    <P, R>(work: (params: P, signal: AbortSignal) => Promise<R>) =>
    (params: P, signal: AbortSignal): Promise<R> =>
      queue.run(() => work(params, signal), signal);

  handle(connection, hello, helloParams, async (params) => {
    if (params.protocolVersion !== protocolVersion) {
      throw new SoftpromptError('worker-protocol', { client: params.protocolVersion, worker: protocolVersion });
    }
    return { protocolVersion, pid: process.pid, node: process.version };
  });
  handle(
    connection,
    devices,
    devicesParams,
    queued(() => service.devices()),
  );
  handle(
    connection,
    loadModel,
    loadModelParams,
    queued((params, signal) => service.loadModel(params, signal)),
  );
  handle(
    connection,
    activate,
    activateParams,
    queued((params, signal) => service.activate(params, signal)),
  );
  handle(
    connection,
    answer,
    answerParams,
    queued((params, signal) => service.answer(params, signal)),
  );
  handle(
    connection,
    exportAdapter,
    exportParams,
    queued((order, signal) => service.exportAdapter(order, signal)),
  );
  handle(
    connection,
    train,
    trainParams,
    queued((params, signal) =>
      service.train(params, signal, (runId, event) =>
        notify(connection.sendNotification(trainEvent, { runId, event })),
      ),
    ),
  );
  handle(
    connection,
    preview,
    previewParams,
    queued((params) => service.preview(params)),
  );
  handle(
    connection,
    evaluate,
    evaluateParams,
    queued((params, signal) =>
      service.evaluate(params, signal, (progress) => notify(connection.sendNotification(evaluateProgress, progress))),
    ),
  );

  const reportWork = (progress: WorkProgress): void => notify(connection.sendNotification(workProgress, progress));
  handle(
    connection,
    sweep,
    sweepParams,
    queued((order, signal) => service.sweep(order, signal, reportWork)),
  );
  handle(
    connection,
    checkAdapter,
    checkParams,
    queued((params, signal) => service.checkAdapter(params, signal, reportWork)),
  );
  handle(
    connection,
    merge,
    mergeParams,
    queued((params, signal) => service.merge(params, signal, reportWork)),
  );
  handle(
    connection,
    combine,
    combineParams,
    queued((params, signal) => service.combine(params, signal, reportWork)),
  );
  handle(
    connection,
    saveCombined,
    saveCombinedParams,
    queued((params) => service.saveCombined(params)),
  );

  process.once('disconnect', () => process.exit(0));
  setInterval(() => {
    notify(connection.sendNotification(heartbeat, { residentBytes: process.memoryUsage.rss() }));
  }, heartbeatMilliseconds).unref();
  connection.listen();
}

function handle<P, R>(
  connection: MessageConnection,
  type: RequestType<P, R, WorkerErrorData>,
  schema: z.ZodType<P>,
  work: (params: P, signal: AbortSignal) => Promise<R>,
): void {
  connection.onRequest<unknown, WorkerErrorData>(type.method, async (params: unknown, token: CancellationToken) => {
    const controller = new AbortController();
    const cancelled = token.onCancellationRequested(() => controller.abort());
    // A request that was cancelled before its turn has a token that fires no event.
    if (token.isCancellationRequested) controller.abort();
    try {
      const parsed = schema.safeParse(params);
      if (!parsed.success) {
        const problem = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
        throw new SoftpromptError('worker-message', { method: type.method, problem });
      }
      return await work(parsed.data, controller.signal);
    } catch (error) {
      throw responseError(error);
    } finally {
      cancelled.dispose();
    }
  });
}

function responseError(error: unknown): ResponseError<WorkerErrorData> {
  const { what, todo, fault } = explain(error);
  const reason = isAbort(error) ? 'cancelled' : SoftpromptError.is(error) ? error.reason : 'internal';
  if (reason === 'internal') console.error(error);
  return new ResponseError(workerErrorCode, what, { reason, what, todo: todo ?? null, fault: fault ?? 'request' });
}

/** The parent may be gone already; the disconnect ends this process then. */
function notify(sent: Promise<void>): void {
  sent.catch(() => undefined);
}
