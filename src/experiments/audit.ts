import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from './environment.ts';
import type { AuditEntry } from './records.ts';

/** Appends one line to audit.jsonl: who did what to which adapter, now. */
export async function appendAudit(
  store: string,
  entry: Omit<AuditEntry, 'time' | 'user'>,
  env: Pick<Environment, 'now' | 'user'>,
): Promise<void> {
  await mkdir(store, { recursive: true });
  const full: AuditEntry = { time: env.now().toISOString(), user: env.user, ...entry };
  await appendFile(join(store, 'audit.jsonl'), `${JSON.stringify(full)}\n`);
}

/** The audit log, oldest first; empty when there is none. */
export async function readAudit(store: string): Promise<AuditEntry[]> {
  const text = await readFile(join(store, 'audit.jsonl'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEntry);
}
