import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvaluationResult } from '../evaluation/result.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import type { MethodTraining } from './compareMethods.ts';
import { subfolders } from './store.ts';

/** comparisons/ID/comparison.json: what was compared, and how the trainings went. Its evaluation lies beside it. */
export interface ComparisonRecord {
  readonly id: string;
  /** Name of the experiment. */
  readonly name: string;
  /** Absolute path of the experiment file. */
  readonly experiment: string;
  /** ISO time. */
  readonly started: string;
  readonly trainings: readonly MethodTraining[];
}

/** Folder of a comparison: its record, its evaluation and an adapter for each method. */
export function comparisonFolder(store: string, id: string): string {
  return join(store, 'comparisons', id);
}

/** Keeps a comparison; the record is the last to be written, so that one that is there is whole. */
export async function saveComparison(
  store: string,
  record: ComparisonRecord,
  evaluation: EvaluationResult,
): Promise<void> {
  await writeFileAtomic(evaluationFile(store, record.id), `${JSON.stringify(evaluation, null, 2)}\n`);
  await writeFileAtomic(recordFile(store, record.id), `${JSON.stringify(record, null, 2)}\n`);
}

/** All comparisons, newest first; folders without a readable record are left out. */
export async function listComparisons(store: string): Promise<readonly ComparisonRecord[]> {
  const ids = subfolders(join(store, 'comparisons')).reverse();
  const records = await Promise.all(ids.map((id) => readJson<ComparisonRecord>(recordFile(store, id))));
  return records.filter((record) => record !== null);
}

/** The evaluation of a comparison; null where it is gone or cannot be read. */
export function readComparedArms(store: string, id: string): Promise<EvaluationResult | null> {
  return readJson(evaluationFile(store, id));
}

const recordFile = (store: string, id: string): string => join(comparisonFolder(store, id), 'comparison.json');
const evaluationFile = (store: string, id: string): string => join(comparisonFolder(store, id), 'evaluation.json');

async function readJson<T>(file: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch {
    return null;
  }
}
