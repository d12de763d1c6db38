import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attachedLogits, vocabularyRows } from '../../inference/logitChange.ts';
import { type Adapter, readAdapter, writeAdapter } from '../../methods/adapter.ts';
import { positionsTaken } from '../../methods/method.ts';
import type { CheckSubject } from './check.ts';

/** Rows of drawn tokens, each one shorter than the row before it, so that a batch of them is padded. */
function probes({ language, adapter }: CheckSubject): readonly (readonly number[])[] {
  const rows = vocabularyRows(language.model.architecture.sizes, positionsTaken(adapter.method));
  return rows.map((row, i) => row.slice(0, Math.max(1, row.length - 3 * i)));
}

async function logitsWith(subject: CheckSubject, adapter: Adapter | null): Promise<readonly Float32Array[]> {
  return attachedLogits(await subject.language.attach(adapter))(probes(subject));
}

/** Largest difference of a logit between a row alone and the row among longer ones. */
export async function paddingDifference(subject: CheckSubject): Promise<number> {
  const read = attachedLogits(await subject.language.attach(subject.adapter));
  const rows = probes(subject);
  const alone: Float32Array[] = [];
  for (const row of rows) alone.push(...(await read([row])));
  return largestDifference(alone, await read(rows));
}

/** Largest difference of a logit between an adapter and the same adapter after two others have been in its place. */
export async function swapDifference(subject: CheckSubject): Promise<number> {
  const { method, tensors } = subject.adapter;
  const negated = new Map([...tensors].map(([name, data]) => [name, data.map((x) => -x)] as const));
  const before = await logitsWith(subject, subject.adapter);
  await logitsWith(subject, { method, tensors: negated });
  await logitsWith(subject, null);
  return largestDifference(before, await logitsWith(subject, subject.adapter));
}

/** Largest difference of a logit between the adapter and what is read after it was written. */
export async function reloadDifference(subject: CheckSubject): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'softprompt-check-'));
  try {
    await writeAdapter(dir, subject.adapter);
    const read = await readAdapter(dir, subject.language.model);
    return largestDifference(await logitsWith(subject, subject.adapter), await logitsWith(subject, read));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Largest difference of a logit between the model with the adapter and without. */
export async function adapterEffect(subject: CheckSubject): Promise<number> {
  return largestDifference(await logitsWith(subject, null), await logitsWith(subject, subject.adapter));
}

/** Infinite where one of the numbers is none. */
function largestDifference(one: readonly Float32Array[], other: readonly Float32Array[]): number {
  let largest = 0;
  for (const [i, logits] of one.entries()) {
    for (const [j, x] of logits.entries()) {
      const difference = Math.abs(x - other[i]![j]!);
      if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    }
  }
  return largest;
}
