import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env, version } from 'vscode';
import { type SuiteReport, type SuiteTest, suiteMarks } from '../suiteReport.ts';

/**
 * Runs every suite beside this file inside the extension host and writes the report to the file that the variable
 * SOFTPROMPT_SUITE_REPORT names. VS Code calls it; a rejection is exit status 1.
 */
export async function run(): Promise<void> {
  const { default: Mocha } = await import('mocha');
  const mocha = new Mocha({ ui: 'tdd', reporter: 'spec', color: false, timeout: 30_000 });
  for (const file of readdirSync(__dirname)) if (file.endsWith('.test.cjs')) mocha.addFile(join(__dirname, file));

  const tests: SuiteTest[] = [];
  console.log(suiteMarks.begin);
  const failures = await new Promise<number>((done) => {
    const runner = mocha.run(done);
    runner.on('pass', (test) => tests.push({ title: test.fullTitle(), state: 'passed' }));
    runner.on('pending', (test) => tests.push({ title: test.fullTitle(), state: 'skipped' }));
    runner.on('fail', (test, error) => {
      tests.push({ title: test.fullTitle(), state: 'failed', error: error.stack ?? String(error) });
    });
  });
  console.log(suiteMarks.end);

  const report: SuiteReport = { host: `${env.appName} (${env.appHost})`, version, tests };
  const file = process.env.SOFTPROMPT_SUITE_REPORT;
  if (file === undefined) throw new Error('SOFTPROMPT_SUITE_REPORT names no file for the report.');
  writeFileSync(file, JSON.stringify(report));
  if (failures > 0) throw new Error(`${failures} failed.`);
}
