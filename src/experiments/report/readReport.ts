import { existsSync } from 'node:fs';
import { readEvents } from '../eventLog.ts';
import { readCard } from '../library.ts';
import type { RunRecord } from '../records.ts';
import { listRuns, readEvaluation, readRun, readRunExperiment } from '../runs.ts';
import { tensorHashes } from '../tensorHashes.ts';
import type { ReportRecords } from './report.ts';

/** The run of an id, or the newest of an experiment's name. @throws 'run-unknown' */
export async function findRun(store: string, reference: string): Promise<RunRecord> {
  const named = (await listRuns(store)).find(({ id, name }) => id === reference || name === reference);
  return named ?? readRun(store, reference);
}

/** What a report tells of a run, from disk. @throws 'file-unreadable' */
export async function readReport(store: string, run: RunRecord): Promise<ReportRecords> {
  const adapter = run.adapter !== null && existsSync(run.adapter) ? run.adapter : null;
  return {
    run,
    experiment: (await readRunExperiment(store, run)).effective,
    events: await readEvents(store, run.id),
    evaluation: await readEvaluation(store, run.id),
    card: adapter === null ? null : await readCard(adapter),
    tensors: adapter === null ? new Map() : await tensorHashes(adapter),
  };
}
