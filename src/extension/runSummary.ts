import type { ComparisonRecord } from '../experiments/comparisonStore.ts';
import type { RunRecord } from '../experiments/records.ts';
import { wasKilled } from '../experiments/runs.ts';
import { canResume, runStateOf, runStates } from './runState.ts';
import type { ComparisonSummary, RunSummary } from './runsMessages.ts';
import type { LiveTraining } from './trainings.ts';
import { runDescription } from './treeLabels.ts';

/** A run as the runs panel lists it; `live` when this window trains it; `adapters` are the folders that are still there. */
export function summarize(record: RunRecord, live: LiveTraining | null, adapters: ReadonlySet<string>): RunSummary {
  const state = runStateOf(record, live !== null, wasKilled);
  const progress = live?.progress ?? null;
  return {
    id: record.id,
    name: record.name,
    started: record.started,
    seed: record.seed,
    device: record.device,
    state,
    words: live?.stopping === true ? 'stopping…' : runDescription(record, state, progress),
    step: progress?.step ?? record.steps,
    totalSteps: progress?.totalSteps ?? record.totalSteps,
    secondsLeft: progress?.secondsLeft ?? null,
    canStop: runStates[state].canStop && live?.stopping !== true,
    canResume: canResume(record, state),
    hasAdapter: record.adapter !== null && adapters.has(record.adapter),
    error: record.error,
  };
}

/** A comparison of methods as the runs panel lists it. */
export function summarizeComparison({ id, name, started, trainings }: ComparisonRecord): ComparisonSummary {
  return { id, name, started, methods: trainings.map(({ method }) => method) };
}
