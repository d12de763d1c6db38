/**
 * `npm test [-- checks|unit|host ...]`: everything that must hold, in order, and one closing line that sums it up.
 * checks: type check and lint; unit: unit, integration and golden tests; host: the extension in a real VS Code.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const root = resolve(import.meta.dirname, '..');
/** Test files at a time: each has a process of its own, and the engine uses threads besides. */
const concurrency = 2;
/** A file that takes longer has hung, milliseconds. */
const fileTimeout = 15 * 60_000;

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Runs a tool of node_modules; counts as one test. */
function check(title: string, ...args: string[]): Counts {
  console.log(`\n▶ ${title}`);
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  const passed = status === 0 ? 1 : 0;
  return { passed, failed: 1 - passed, skipped: 0 };
}

/** Runs test files with node:test and prints its report. */
async function runFiles(title: string, files: string[], atOnce: number): Promise<Counts> {
  console.log(`\n▶ ${title}`);
  let counts: Counts = { passed: 0, failed: 1, skipped: 0 };
  const events = run({ files: files.sort(), concurrency: atOnce, timeout: fileTimeout, cwd: root });
  events.on('test:summary', (summary) => {
    if (summary.file !== undefined) return;
    const { passed, tests, skipped, todo } = summary.counts;
    const failed = tests - passed - skipped - todo;
    counts = { passed, failed: summary.success ? failed : Math.max(failed, 1), skipped: skipped + todo };
  });
  for await (const line of events.compose(new spec())) process.stdout.write(line);
  return counts;
}

const sections = {
  checks: async () => [
    check('Type check', 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'),
    check('Type check of the webview', 'node_modules/typescript/bin/tsc', '-p', 'src/webview/tsconfig.json'),
    check('Lint', 'node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'),
  ],
  unit: async () => {
    const everywhere = globSync('{src,scripts,test}/**/*.test.ts', { cwd: root });
    const files = everywhere.map((file) => file.replaceAll('\\', '/')).filter((file) => !file.startsWith('test/host/'));
    return [await runFiles('Unit, integration and golden tests', files, concurrency)];
  },
  host: async () => [await runFiles('VS Code', globSync('test/host/*.test.ts', { cwd: root }), 1)],
} satisfies Record<string, () => Promise<Counts[]>>;

async function main(asked: string[]): Promise<boolean> {
  const unknown = asked.filter((name) => !Object.hasOwn(sections, name));
  if (unknown.length > 0) {
    console.error(`${unknown.join(', ')}: no such part of the tests. There are ${Object.keys(sections).join(', ')}.`);
    return false;
  }
  const all: Counts[] = [];
  for (const [name, section] of Object.entries(sections)) {
    if (asked.length === 0 || asked.includes(name)) all.push(...(await section()));
  }
  const sum = (key: keyof Counts) => all.reduce((total, counts) => total + counts[key], 0);
  const skipped = sum('skipped') === 0 ? '' : `, ${sum('skipped')} skipped`;
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed${skipped}`);
  return sum('failed') === 0;
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
