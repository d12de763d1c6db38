import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const samples = join(resolve(import.meta.dirname, '../..'), 'samples');

/** A new folder that is gone when this process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'softprompt-host-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** A workspace to work in: a copy of samples/ without what was trained there. */
export function copyOfSamples(): string {
  const folder = join(temporaryFolder(), 'samples');
  cpSync(samples, folder, { recursive: true, filter: (path) => !path.endsWith('.softprompt') });
  return folder;
}
