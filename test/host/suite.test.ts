/**
 * Runs test/host/suite inside an extension host and reports each of its tests. In a desktop VS Code where there is one
 * (see desktop.ts), else in VS Code's server with a browser; SOFTPROMPT_TEST_HOST=desktop|web forces one of them.
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { runTests } from '@vscode/test-electron';
import { build } from 'esbuild';
import { launchBrowser, runSuiteInBrowser } from './browser.ts';
import { findDesktop } from './desktop.ts';
import { startServer } from './server.ts';
import type { SuiteReport } from './suiteReport.ts';
import { copyOfSamples, temporaryFolder } from './workspace.ts';

const extension = resolve(import.meta.dirname, '../..');
const timeLimit = 180_000;

/** Compiles the suite, which VS Code loads as CommonJS. */
async function compileSuite(): Promise<string> {
  const outdir = join(extension, '.cache/test-host');
  rmSync(outdir, { recursive: true, force: true });
  const entryPoints = globSync(join(import.meta.dirname, 'suite/*.ts'));
  const outExtension = { '.js': '.cjs' };
  await build({ entryPoints, outdir, outExtension, bundle: true, platform: 'node', external: ['vscode', 'mocha'] });
  return join(outdir, 'index.cjs');
}

async function runInDesktop(executable: string, suite: string, env: Record<string, string>): Promise<void> {
  await runTests({
    vscodeExecutablePath: executable,
    extensionDevelopmentPath: extension,
    extensionTestsPath: suite,
    extensionTestsEnv: env,
    launchArgs: [copyOfSamples(), '--disable-workspace-trust', '--disable-extensions'],
  });
}

async function runInBrowser(suite: string, env: Record<string, string>): Promise<void> {
  const server = await startServer({ dataDir: temporaryFolder(), env, testDriver: true });
  const browser = await launchBrowser();
  try {
    await runSuiteInBrowser(browser, { server, folder: copyOfSamples(), extension, suite, timeout: timeLimit });
  } finally {
    await browser.close();
    await server.stop();
  }
}

async function runSuite(): Promise<SuiteReport> {
  const desktop = process.env.SOFTPROMPT_TEST_HOST === 'web' ? undefined : findDesktop();
  if (desktop === undefined && process.env.SOFTPROMPT_TEST_HOST === 'desktop') {
    throw new Error('No desktop VS Code: name one in VSCODE_EXECUTABLE, or unpack one in .vscode-test/.');
  }
  const suite = await compileSuite();
  const report = join(temporaryFolder(), 'report.json');
  const env = { SOFTPROMPT_SUITE_REPORT: report };
  // A failing suite is told by its report; only a missing report is a failure of its own.
  const running = desktop === undefined ? runInBrowser(suite, env) : runInDesktop(desktop, suite, env);
  await running.catch((error: unknown) => {
    if (!existsSync(report)) throw error;
  });
  assert.ok(existsSync(report), 'The suite ended without a report.');
  return JSON.parse(readFileSync(report, 'utf8'));
}

const { host, version, tests } = await runSuite();
describe(`inside the extension host of ${host}, VS Code ${version}`, () => {
  test('the suite is not empty', () => assert.notEqual(tests.length, 0));
  for (const { title, state, error } of tests) {
    test(title, { skip: state === 'skipped' }, () => {
      if (state === 'failed') assert.fail(error ?? 'failed');
    });
  }
});
