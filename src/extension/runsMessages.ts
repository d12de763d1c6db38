import type { EvaluationResult } from '../evaluation/result.ts';
import type { MethodComparison } from '../experiments/compareMethods.ts';
import type { TrainingEvent } from '../training/events.ts';
import type { RunState } from './runState.ts';

/** Every message between the runs panel's page and the extension. Plain data; both sides share these types only. */

/** What the panel shows of a run besides its points. */
export interface RunSummary {
  readonly id: string;
  /** Name of the experiment. */
  readonly name: string;
  /** ISO time. */
  readonly started: string;
  readonly seed: number;
  readonly device: string;
  readonly state: RunState;
  /** Where the run stands, in words. */
  readonly words: string;
  readonly step: number;
  readonly totalSteps: number;
  /** Of a live run that has taken a step; else null. */
  readonly secondsLeft: number | null;
  readonly canStop: boolean;
  readonly canResume: boolean;
  /** Whether there is an adapter to evaluate. */
  readonly hasAdapter: boolean;
  readonly error: string | null;
}

/** What the panel shows of a comparison of methods before it is opened. */
export interface ComparisonSummary {
  readonly id: string;
  /** Name of the experiment. */
  readonly name: string;
  /** ISO time. */
  readonly started: string;
  readonly methods: readonly string[];
}

/** What of a run to bring into sight. */
export type RunPart = 'training' | 'evaluation';

/** Extension to page. */
export type HostMessage =
  /**
   * All runs of the workspace, newest first. `trusted` is false where nothing may be started; `starting` is true while a
   * training prepares its first step and has no run yet.
   */
  | {
      readonly type: 'runs';
      readonly runs: readonly RunSummary[];
      readonly trusted: boolean;
      readonly starting: boolean;
    }
  /** Points of a run. `whole`: everything there is, replacing what the page has; else the next ones. */
  | {
      readonly type: 'events';
      readonly runId: string;
      readonly whole: boolean;
      readonly events: readonly TrainingEvent[];
      /** What to know of the run's rows before believing its figures; null where its start is none of these events. */
      readonly warnings: readonly string[] | null;
    }
  /** A run's last evaluation, or null when it has none. */
  | { readonly type: 'evaluation'; readonly runId: string; readonly result: EvaluationResult | null }
  /** All comparisons of methods of the workspace, newest first. */
  | { readonly type: 'comparisons'; readonly comparisons: readonly ComparisonSummary[] }
  /** A comparison that was asked for; null where it cannot be read. */
  | { readonly type: 'comparison'; readonly comparisonId: string; readonly comparison: MethodComparison | null }
  /** Show this run, or its evaluation: somebody opened it from outside the panel. */
  | { readonly type: 'show'; readonly runId: string; readonly part: RunPart };

/** Page to extension. */
export type PageMessage =
  /** The page is there (again): send the list. */
  | { readonly type: 'ready' }
  /** Send this run's points and evaluation, and its next points as they come. */
  | { readonly type: 'load'; readonly runId: string }
  /** No longer. */
  | { readonly type: 'unload'; readonly runId: string }
  /** Send this comparison. */
  | { readonly type: 'loadComparison'; readonly comparisonId: string }
  | { readonly type: 'stop'; readonly runId: string }
  | { readonly type: 'resume'; readonly runId: string }
  | { readonly type: 'evaluate'; readonly runId: string }
  | { readonly type: 'exportReport'; readonly runId: string };

/** The id that each must have. */
const pageMessageTypes = {
  ready: null,
  load: 'runId',
  unload: 'runId',
  loadComparison: 'comparisonId',
  stop: 'runId',
  resume: 'runId',
  evaluate: 'runId',
  exportReport: 'runId',
} satisfies Record<PageMessage['type'], 'runId' | 'comparisonId' | null>;

/** Whether something that came from the page is one of its messages. */
export function isPageMessage(message: unknown): message is PageMessage {
  if (typeof message !== 'object' || message === null || !('type' in message)) return false;
  const { type } = message;
  if (typeof type !== 'string' || !Object.hasOwn(pageMessageTypes, type)) return false;
  const id = pageMessageTypes[type as PageMessage['type']];
  return id === null || typeof (message as Readonly<Record<string, unknown>>)[id] === 'string';
}
