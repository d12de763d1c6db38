import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { type ReportRecords, reportPage } from '../../src/experiments/report/report.ts';
import { launchBrowser } from '../host/browser.ts';
import { fakeEvaluation, fakeEvents } from './fakeRuns.ts';

const folder = mkdtempSync(join(tmpdir(), 'report-'));
const file = join(folder, 'report.html');
let browser: Browser;
before(async () => {
  writeFileSync(file, reportPage(await records()));
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** A finished run of 120 steps with an evaluation of 100 rows, one of which has markup in it. */
async function records(): Promise<ReportRecords> {
  const evaluation = await fakeEvaluation(100);
  const [first, ...others] = evaluation.rows;
  const markup = '<img src=x onerror="document.title=1"><script>document.title = 2</script>';
  return {
    run: {
      ...{ id: '20260301-100500-commit-kind-a1', name: 'commit-kind', experiment: '/w/commit-kind.tune.yaml' },
      ...{ state: 'finished', pid: 1, started: '2026-03-01T10:05:00Z', ended: '2026-03-01T10:05:24Z', device: 'cpu' },
      ...{ seed: 42, checkpoint: 120, steps: 120, totalSteps: 120, error: null },
      adapter: '/w/.softprompt/adapters/commit-kind/1',
      madeWith: { softprompt: '0.1.0', onnxruntime: '1.30.0', node: '24.21.0', platform: 'linux-x64' },
    },
    experiment: {
      model: 'models/tiny',
      data: { train: 'commits.jsonl', test: 'commits.test.jsonl' },
      template: { input: 'Commit: {{text}}\nKind:', target: ' {{kind}}' },
      method: { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 16 },
    },
    events: fakeEvents(42, 120),
    evaluation: { ...evaluation, rows: [{ ...first!, input: markup }, ...others] },
    card: {
      ...{ name: 'commit-kind', version: 1, created: '', run: null, seed: 42, trainable_parameters: 3072 },
      base: { model: 'models/tiny', fingerprint: 'ab'.repeat(32) },
      data: { file: 'commits.jsonl', sha256: 'cd'.repeat(32) },
      ...{ experiment: null, best_step: 120, validation_loss: 0.09, metrics: {}, parent: null },
      checks: [
        { name: 'padding', figure: 0, limit: 0.001, passed: true, time: '' },
        { name: 'end_of_text', figure: null, limit: 0.5, passed: null, note: 'rows came as ids', time: '' },
      ],
    },
    tensors: new Map([['adapter_model.safetensors', 'ef'.repeat(32)]]),
  };
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`a report opens from disk in ${colorScheme}, asks for nothing and fits its window`, async () => {
    const page = await browser.newPage({ colorScheme, viewport: { width: 1000, height: 900 } });
    const asked: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(pathToFileURL(file).href);
    assert.equal(await page.title(), 'commit-kind · 20260301-100500-commit-kind-a1');
    assert.ok(await page.getByRole('img', { name: /^Loss by step/ }).isVisible());
    assert.ok(
      await page
        .getByRole('row', { name: /commit-kind 2/ })
        .first()
        .isVisible(),
    );
    const shade = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(shade, colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(13, 17, 23)');
    for (const width of [1000, 380]) {
      await page.setViewportSize({ width, height: 900 });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `${overflow} pixels too wide at ${width}`);
    }
    assert.deepEqual(asked, [pathToFileURL(file).href]);
    assert.deepEqual(complaints, []);
    await page.close();
  });
}
