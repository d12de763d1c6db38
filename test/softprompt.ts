import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const main = join(import.meta.dirname, '../src/cli/main.ts');

/** How a run of the command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON, a line each; throws when a line is not. */
  readonly json: () => Record<string, unknown>[];
}

/** Runs the command; `onLine` sees every line of standard output as it comes and may send a signal. */
export async function softprompt(
  args: readonly string[],
  options: {
    cwd?: string;
    onLine?: (line: string, kill: (signal: NodeJS.Signals) => void) => void;
    node?: string[];
  } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [...(options.node ?? []), main, ...args], { cwd: options.cwd ?? tmpdir() });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = `${stdout}${chunk}`.split('\n').slice(stdout.split('\n').length - 1, -1);
    stdout += chunk;
    for (const line of lines) options.onLine?.(line, (signal) => child.kill(signal));
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const json = () => {
    assert.ok(stdout.endsWith('\n'), 'the last line is complete');
    return stdout
      .slice(0, -1)
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  return { code, stdout, stderr, json };
}
