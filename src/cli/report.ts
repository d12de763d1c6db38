import { resolve } from 'node:path';
import { findRun, readReport } from '../experiments/report/readReport.ts';
import { reportPage } from '../experiments/report/report.ts';
import { findStore } from '../experiments/store.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import { exitStatus } from './exitStatus.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt report`. */
export interface ReportOptions {
  readonly output: string;
  readonly json?: boolean;
}

/** Writes what is known of a run as one HTML page. */
export async function report(reference: string, { output, json }: ReportOptions, terminal: Terminal): Promise<number> {
  const store = findStore('experiment.tune.yaml', process.cwd());
  const run = await findRun(store, reference);
  const file = resolve(output);
  await writeFileAtomic(file, reportPage(await readReport(store, run)));
  terminal.out(
    json === true ? JSON.stringify({ run: run.id, report: file }) : `Wrote the report of run ${run.id} to ${output}.`,
  );
  return exitStatus.done;
}
