import { NotificationType, RequestType } from 'vscode-jsonrpc';
import { z } from 'zod';
import type { TextAnswer } from '../evaluation/answer.ts';
import type { CheckResult } from '../evaluation/checks/check.ts';
import type { EvaluationProgress, EvaluationResult } from '../evaluation/result.ts';
import type { ExportReport } from '../experiments/exporting.ts';
import type { MergeResult } from '../experiments/mergeModel.ts';
import type { SweepRow } from '../experiments/sweepTable.ts';
import { combineMethods } from '../methods/combineRules.ts';
import type { TrainingEvent } from '../training/events.ts';

/**
 * Every message between a client (extension or command line) and the worker process, over Node IPC as JSON-RPC.
 * Requests are validated by the worker with the schema beside them; tensors never cross. A request for the model waits
 * for the one before it; cancelling is JSON-RPC's own cancellation. Change `protocolVersion` with any message.
 */
export const protocolVersion = 6;

/** Error data the worker sends with a failed request: the words of the error, ready to show. */
export interface WorkerErrorData {
  readonly reason: string;
  readonly what: string;
  readonly todo: string | null;
  readonly fault: 'request' | 'work';
}

/** JSON-RPC error code of every error that carries WorkerErrorData. */
export const workerErrorCode = 1;

/** The worker's answer to `hello`. */
export interface WorkerGreeting {
  readonly protocolVersion: number;
  readonly pid: number;
  readonly node: string;
}
/** What `hello` says. */
export const helloParams = z.object({ protocolVersion: z.number() });
/** client -> worker, first of all: do we speak the same protocol? */
export const hello = new RequestType<z.infer<typeof helloParams>, WorkerGreeting, WorkerErrorData>('hello');

/** A device that could run the engine, and whether it does here. */
export interface DeviceReport {
  readonly device: string;
  readonly works: boolean;
  /** Why not, or what it is. */
  readonly detail: string;
}
/** `devices` needs nothing. */
export const devicesParams = z.object({});
/** client -> worker: what can this machine run on? */
export const devices = new RequestType<z.infer<typeof devicesParams>, readonly DeviceReport[], WorkerErrorData>(
  'devices',
);

/** The model the worker holds. */
export interface ModelReport {
  readonly dir: string;
  readonly name: string;
  readonly modelType: string;
  readonly parameters: number;
  readonly vocabulary: number;
  readonly maxPositions: number;
  readonly device: string;
  /** Why this device and no other. */
  readonly deviceReason: string;
  readonly seconds: number;
}
/** `dir` is absolute; `device` a device or `auto`. */
export const loadModelParams = z.object({ dir: z.string(), device: z.string() });
/** client -> worker: load this Hugging Face directory (dropping another one); every later request is about it. */
export const loadModel = new RequestType<z.infer<typeof loadModelParams>, ModelReport, WorkerErrorData>('loadModel');

/** The adapter that answers now. */
export interface ActivationReport {
  readonly adapter: string | null;
  /** Time of the swap, milliseconds, the prompt's own keys and values included. */
  readonly milliseconds: number;
}
/** An adapter's absolute folder, or null. */
export const activateParams = z.object({ adapter: z.string().nullable() });
/** client -> worker: make this adapter folder the active one; null for the base model. */
export const activate = new RequestType<z.infer<typeof activateParams>, ActivationReport, WorkerErrorData>('activate');

/** What to train, and where its run is kept. */
export const trainParams = z.object({
  /** Absolute path of the *.tune.yaml. */
  experiment: z.string(),
  /** KEY=VALUE overrides as on the command line. */
  set: z.array(z.string()),
  /** Absolute folder of `.softprompt`; null for the one beside the experiment's workspace. */
  store: z.string().nullable(),
  /** Run to resume, or null for a new one. */
  resume: z.string().nullable(),
});
/** How a training ended; `adapter` is the folder it gave. */
export interface TrainReport {
  readonly runId: string;
  readonly adapter: string;
  readonly reason: 'finished' | 'early_stopping' | 'stopped';
}
/** client -> worker: train an experiment; cancelling stops after the current step, keeping a checkpoint. */
export const train = new RequestType<z.infer<typeof trainParams>, TrainReport, WorkerErrorData>('train');
/** worker -> client, while training: one event of the run's stream. */
export const trainEvent = new NotificationType<{ readonly runId: string; readonly event: TrainingEvent }>(
  'train/event',
);

/** A sweep to run or to go on with; the fields are those of `trainParams`. */
export const sweepParams = z.object({
  experiment: z.string(),
  set: z.array(z.string()),
  store: z.string().nullable(),
  /** A sweep's id, or null for a new one. */
  resume: z.string().nullable(),
});
/** A sweep that a client asks for. */
export type SweepOrder = z.infer<typeof sweepParams>;
/** How a sweep ended. */
export interface SweepReport {
  readonly id: string;
  /** False where it was cancelled, and can be gone on with. */
  readonly finished: boolean;
  /** Folder of the best one's adapter; null before the end, or when none could be trained. */
  readonly adapter: string | null;
  /** The best first. */
  readonly rows: readonly SweepRow[];
  /** How many each combination is trained with. */
  readonly seeds: number;
}
/** client -> worker: train an experiment with the values of its sweep; cancelling stops after the current step. */
export const sweep = new RequestType<SweepOrder, SweepReport, WorkerErrorData>('sweep');

/** An experiment; the fields are those of `trainParams`. */
export const previewParams = z.object({ experiment: z.string(), set: z.array(z.string()) });
/** client -> worker: what would an experiment train? In lines, as the command line shows it. */
export const preview = new RequestType<z.infer<typeof previewParams>, readonly string[], WorkerErrorData>('preview');

/** What to compare on which rows; the fields are those of `trainParams`. */
export const evaluateParams = z.object({
  experiment: z.string(),
  set: z.array(z.string()),
  store: z.string().nullable(),
  /** Adapter folders, absolute. */
  adapters: z.array(z.string()),
  /** Run to keep the result with, or null. */
  runId: z.string().nullable(),
});
/** client -> worker: base, hard prompts and these adapters on the experiment's test rows. */
export const evaluate = new RequestType<z.infer<typeof evaluateParams>, EvaluationResult, WorkerErrorData>('evaluate');
/** worker -> client, while evaluating. */
export const evaluateProgress = new NotificationType<EvaluationProgress>('evaluate/progress');

/** The text to answer. */
export const answerParams = z.object({ text: z.string() });
/** What the active adapter and the base model say of the same text; `adapter` is null when none is active. */
export interface AnswerReport {
  readonly adapterName: string | null;
  readonly adapter: TextAnswer | null;
  /** Null where the base model has no classifier of its own. */
  readonly base: TextAnswer | null;
  /** The text as the model saw it (the adapter's template filled in). */
  readonly prompt: string;
  readonly milliseconds: number;
}
/** client -> worker: evaluate this text with the active adapter and with the base model. */
export const answer = new RequestType<z.infer<typeof answerParams>, AnswerReport, WorkerErrorData>('answer');

/** What to write where; the names are those of `softprompt export`. */
export const exportParams = z.object({
  /** Folder, absolute. */
  adapter: z.string(),
  format: z.enum(['peft', 'gguf', 'onnx']),
  dtype: z.enum(['f32', 'f16', 'bf16']).nullable(),
  /** Absolute path. */
  output: z.string(),
});
/** An export that a client asks for. */
export type ExportOrder = z.infer<typeof exportParams>;
/** client -> worker: write an adapter of the loaded model for other programs. */
export const exportAdapter = new RequestType<ExportOrder, ExportReport, WorkerErrorData>('exportAdapter');

/** Absolute folders: the base model's, the adapter's, and the one to make. */
export const mergeParams = z.object({ model: z.string(), adapter: z.string(), output: z.string() });
/** client -> worker: work an adapter into its base model. */
export const merge = new RequestType<z.infer<typeof mergeParams>, MergeResult, WorkerErrorData>('merge');

/** LORA adapters of a model with their weights, and how to combine them; folders are absolute. */
export const combineParams = z.object({
  model: z.string(),
  adapters: z.array(z.object({ label: z.string(), dir: z.string(), weight: z.number() })).min(1),
  method: z.enum(combineMethods),
  density: z.number().min(0).max(1),
});
/** What a combination is worth. */
export interface CombineReport {
  readonly rank: number;
  readonly modules: number;
  /** Relative Frobenius error against the exact sum: of all, and the largest of a module. */
  readonly overall: number;
  readonly largest: number;
}
/** client -> worker: combine adapters; the worker keeps the result until `saveCombined` or the next combination. */
export const combine = new RequestType<z.infer<typeof combineParams>, CombineReport, WorkerErrorData>('combine');

/** The library, and the name whose next version it becomes. */
export const saveCombinedParams = z.object({ store: z.string(), name: z.string() });
/** client -> worker: save what was combined last; gives its folder. */
export const saveCombined = new RequestType<
  z.infer<typeof saveCombinedParams>,
  { readonly adapter: string },
  WorkerErrorData
>('saveCombined');

/** Absolute folders: the model's, the adapter's and the library's; `device` a device or `auto`. */
export const checkParams = z.object({ model: z.string(), device: z.string(), adapter: z.string(), store: z.string() });
/** client -> worker: check an adapter on a model; what was found is kept on its card too. */
export const checkAdapter = new RequestType<z.infer<typeof checkParams>, readonly CheckResult[], WorkerErrorData>(
  'checkAdapter',
);

/** How much of a merge's tensors, a combination's modules, an adapter's checks or a sweep's trainings is done. */
export interface WorkProgress {
  readonly done: number;
  readonly all: number;
  /** What it has come to so far, in words. */
  readonly note?: string;
}
/** worker -> client, while merging, combining, checking or sweeping. */
export const workProgress = new NotificationType<WorkProgress>('work/progress');

/** worker -> client, once a second: alive, with the resident memory in bytes. */
export const heartbeat = new NotificationType<{ readonly residentBytes: number }>('heartbeat');
