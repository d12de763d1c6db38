import type { EvaluationResult } from '../evaluation/result.ts';
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
  | { readonly type: 'stop'; readonly runId: string }
  | { readonly type: 'resume'; readonly runId: string }
  | { readonly type: 'evaluate'; readonly runId: string }
  | { readonly type: 'exportReport'; readonly runId: string };

const pageMessageTypes = {
  ready: false,
  load: true,
  unload: true,
  stop: true,
  resume: true,
  evaluate: true,
  exportReport: true,
} satisfies Record<PageMessage['type'], boolean>;

/** Whether something that came from the page is one of its messages. */
export function isPageMessage(message: unknown): message is PageMessage {
  if (typeof message !== 'object' || message === null || !('type' in message)) return false;
  const { type } = message;
  if (typeof type !== 'string' || !Object.hasOwn(pageMessageTypes, type)) return false;
  const needsRun = pageMessageTypes[type as PageMessage['type']];
  return !needsRun || ('runId' in message && typeof message.runId === 'string');
}
