import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../host/browser.ts';
import { fakeEvaluation, fakeEvents, fakeRun } from './fakeRuns.ts';
import { openPreview, type Preview } from './runsPagePreview.ts';

let browser: Browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

const live = fakeRun('live', 44, { state: 'training', canStop: true, step: 60, secondsLeft: 12, hasAdapter: false });
const done = fakeRun('done', 42);

/** The page with a finished run and its evaluation. */
async function evaluated(rows: number, kept?: unknown): Promise<Preview> {
  const preview = await openPreview(browser, 'dark', kept);
  await preview.post({ type: 'runs', starting: false, trusted: true, runs: [done] });
  await preview.post({ type: 'events', runId: 'done', whole: true, events: fakeEvents(42, 120), warnings: null });
  await preview.post({ type: 'evaluation', runId: 'done', result: await fakeEvaluation(rows) });
  await preview.page.getByRole('table', { name: 'Rows and answers' }).waitFor();
  return preview;
}

test('an empty workspace is told what to do, and an untrusted one why nothing can be done', async () => {
  const { page, post } = await openPreview(browser, 'dark');
  await post({ type: 'runs', starting: false, trusted: true, runs: [] });
  await page.getByText('Start one with “Softprompt: Train Experiment”').waitFor();
  await post({ type: 'runs', starting: true, trusted: true, runs: [] });
  await page.getByText('A training is starting').waitFor();
  await post({ type: 'runs', starting: false, trusted: false, runs: [] });
  await page.getByText('the workspace is not trusted').waitFor();
});

test('a live run is asked for, drawn as its points arrive, and stopped from its button', async () => {
  const { page, post, sent, complaints } = await openPreview(browser, 'dark');
  await post({ type: 'runs', starting: false, trusted: true, runs: [live, done] });
  await page.getByText('No points yet: they come with the first steps.').first().waitFor();
  const events = fakeEvents(44, 60);
  await post({ type: 'events', runId: 'live', whole: true, events: events.slice(0, 15), warnings: null });
  const chart = page.getByRole('img', { name: /^Loss by step/ });
  await chart.waitFor();
  const before = await chart.screenshot();
  const canvas = await chart.locator('canvas').elementHandle();
  await post({ type: 'events', runId: 'live', whole: false, events: events.slice(15), warnings: null });
  await page.getByText('60 / 120').waitFor();
  assert.ok(
    await canvas?.evaluate((element) => element.isConnected),
    'the first validation must not draw the chart anew',
  );
  assert.ok(!before.equals(await chart.screenshot()), 'the chart did not move');
  await page.getByRole('button', { name: 'Stop' }).click();
  assert.deepEqual(sent, [{ type: 'ready' }, { type: 'load', runId: 'live' }, { type: 'stop', runId: 'live' }]);
  assert.deepEqual(complaints, []);
});

test('what to know of the rows before believing the figures stands beside them', async () => {
  const { page, post } = await openPreview(browser, 'dark');
  await post({ type: 'runs', starting: false, trusted: true, runs: [done] });
  const warnings = ['3 validation or test row(s) are training rows too: figures on them are too good.'];
  await post({ type: 'events', runId: 'done', whole: true, events: fakeEvents(42, 120), warnings });
  await page.locator('header.run').getByText(warnings[0]!).waitFor();
  const result = { ...(await fakeEvaluation(20)), remarks: ['base answers "a" to every row: it tells nothing apart.'] };
  await post({ type: 'evaluation', runId: 'done', result });
  await page.locator('.evaluation').getByText(result.remarks[0]!).waitFor();
});

test('runs are laid over each other by their check boxes, and taken out again', async () => {
  const { page, post, sent } = await openPreview(browser, 'dark');
  await post({ type: 'runs', starting: false, trusted: true, runs: [live, done] });
  await post({ type: 'events', runId: 'live', whole: true, events: fakeEvents(44, 60), warnings: null });
  const box = page.getByRole('checkbox', { name: 'commit-kind · seed 42 in the charts' });
  await box.check();
  await post({ type: 'events', runId: 'done', whole: true, events: fakeEvents(42, 120), warnings: null });
  const both = page.getByRole('img', { name: /^Loss by step.*seed 44.*seed 42/ });
  await both.waitFor();
  await box.uncheck();
  await both.waitFor({ state: 'detached' });
  assert.deepEqual(sent.slice(2), [
    { type: 'load', runId: 'done' },
    { type: 'unload', runId: 'done' },
  ]);
});

test('a metric of the experiment’s own stands beside the others, with no best', async () => {
  const { page, post } = await evaluated(20);
  const result = await fakeEvaluation(20);
  const arms = result.arms.map((arm, place) => ({ ...arm, custom: { brevity: 40.5 + place } }));
  await post({
    type: 'evaluation',
    runId: 'done',
    result: { ...result, id: 'measured', custom_metrics: ['brevity'], arms },
  });
  const table = page.getByRole('region', { name: 'Arms and metrics' }).getByRole('table');
  await table.getByRole('columnheader', { name: 'brevity' }).waitFor();
  assert.deepEqual((await table.getByRole('columnheader').allInnerTexts()).slice(3, 7), [
    'Perplexity',
    'ECE',
    'brevity',
    'Won',
  ]);
  for (const place of arms.keys()) await table.getByRole('cell', { name: `${40.5 + place}`, exact: true }).waitFor();
});

test('the comparison marks the best by more than colour, and a thousand rows put few into the document', async () => {
  const { page, complaints } = await evaluated(1000);
  const best = page.getByRole('row', { name: /commit-kind 2/ }).first();
  assert.match(await best.innerText(), /★/);
  const rows = page.getByRole('table', { name: 'Rows and answers' });
  assert.equal(await rows.getAttribute('aria-rowcount'), '1001');
  assert.ok((await rows.getByRole('row').count()) < 60);
  assert.match(await rows.getByRole('row').nth(1).innerText(), /[✓✗]/);
  assert.deepEqual(complaints, []);
});

test('pairs with the base come first, then those with the best arm, and all columns fit', async () => {
  const { page } = await evaluated(100);
  await page.getByText(/^Every two arms by Accuracy/).click();
  const table = page.getByRole('region', { name: 'Pairs of arms' });
  const names = await table.getByRole('rowheader').allInnerTexts();
  const best = (name: string): boolean => name.split(' over ').includes('commit-kind 1');
  assert.equal(names.length, 15);
  assert.ok(names.slice(0, 5).every((name) => name.endsWith(' over base')));
  assert.ok(names.slice(5, 9).every(best), names.join());
  assert.ok(!names.slice(9).some(best), names.join());
  assert.ok(await table.evaluate((element) => element.scrollWidth <= element.clientWidth));
});

test('rows are filtered by text and to disagreements, and the count says how many', async () => {
  const { page } = await evaluated(1000);
  await page.getByRole('searchbox', { name: 'Filter rows' }).fill('(999)');
  await page.getByText('1 of 1000 rows').waitFor();
  await page.getByRole('searchbox', { name: 'Filter rows' }).fill('nowhere');
  await page.getByText('No row matches the filter.').waitFor();
  await page.getByRole('searchbox', { name: 'Filter rows' }).fill('');
  await page.getByRole('checkbox', { name: 'Disagreements only' }).check();
  await page.getByText(/^(?!1000)\d+ of 1000 rows$/).waitFor();
});

test('the rows are walked by keyboard, with the row in full below', async () => {
  const { page } = await evaluated(1000);
  await page.getByRole('table', { name: 'Rows and answers' }).focus();
  await page.keyboard.press('End');
  await page.getByRole('heading', { name: 'Row 1000' }).waitFor();
  await page.keyboard.press('ArrowUp');
  await page.getByRole('heading', { name: 'Row 999' }).waitFor();
  assert.equal(await page.locator('.current').count(), 1);
});

test('an evaluation that was asked for is brought into sight when it is there', async () => {
  const { page, post } = await openPreview(browser, 'dark');
  await post({ type: 'runs', starting: false, trusted: true, runs: [live, done] });
  await post({ type: 'show', runId: 'done', part: 'evaluation' });
  await post({ type: 'evaluation', runId: 'done', result: await fakeEvaluation(100) });
  await page.getByRole('heading', { name: 'Rows' }).waitFor();
  await page.waitForFunction(() => window.scrollY > 0);
});

test('the confusion matrix follows the chosen arm', async () => {
  const { page } = await evaluated(100);
  await page.getByRole('region', { name: 'Confusion matrix of commit-kind 1' }).waitFor();
  await page.getByRole('combobox', { name: 'Arm' }).selectOption('few_shot');
  await page.getByRole('region', { name: 'Confusion matrix of few_shot' }).waitFor();
});

test('labels and reliability follow the chosen arm too', async () => {
  const { page } = await evaluated(100);
  await page
    .getByRole('img', { name: /^How right commit-kind 1 is by how sure it is: .*Expected calibration/ })
    .waitFor();
  await page.getByRole('combobox', { name: 'Arm' }).selectOption('few_shot');
  const table = page.getByRole('region', { name: 'Labels by few_shot' });
  assert.deepEqual((await table.getByRole('rowheader').allInnerTexts()).length, 6);
  await page.getByRole('img', { name: /^How right few_shot is/ }).waitFor();
});

test('scores are drawn against the chosen cost, with the front told in words, and so again after a reload', async () => {
  const { page } = await evaluated(100);
  await page.getByRole('img', { name: /^Accuracy .* against size on disk\. On the front: .*commit-kind/ }).waitFor();
  await page.getByRole('combobox', { name: 'Score' }).selectOption('Perplexity');
  await page.getByRole('combobox', { name: 'Cost' }).selectOption('Time of a token');
  const chosen = /^Perplexity \(less is better\) against time of a token\./;
  await page.getByRole('img', { name: chosen }).waitFor();
  const again = await evaluated(100, await page.evaluate(() => Reflect.get(window, 'keptState')));
  await again.page.getByRole('img', { name: chosen }).waitFor();
});

test('what was measured besides the answers is shown, better and worse by more than colour', async () => {
  const { page, complaints } = await evaluated(100);
  const arms = page.getByRole('region', { name: 'Arms and metrics' });
  await arms.getByText('100 of 100 rows from an earlier evaluation').first().waitFor();
  const guard = page.getByRole('region', { name: 'prose' });
  assert.match(await guard.getByRole('row', { name: /commit-kind 1/ }).innerText(), /\+4\.000 ✗/);
  await page.getByText('The base model is untouched').waitFor();
  await page.getByText('Cost', { exact: true }).click();
  const costs = page.getByRole('region', { name: 'Cost' });
  assert.match(
    await costs.getByRole('row', { name: /commit-kind 1/ }).innerText(),
    /317 MB.*6\.1 ms.*1\u2009712 tokens\/s/s,
  );
  await page.getByText('Hard prompts (3, 1 searched)').click();
  await page.getByText('The best of 24 tried: 31 of 40 validation rows right').waitFor();
  await page.getByText('Name the kind of this commit:').waitFor();
  assert.deepEqual(complaints, []);
});

test('an evaluation of an older version shows what it has and nothing else', async () => {
  const { page, post } = await evaluated(20);
  const whole = await fakeEvaluation(20);
  const arms = whole.arms.map(({ name, kind, detail, metrics, confusion, wins, losses }) => ({
    ...{ name, kind, detail, metrics, confusion, wins, losses, seconds: 1, trainable_parameters: 0, bytes: 0 },
  }));
  await post({ type: 'evaluation', runId: 'done', result: { ...whole, id: 'old', arms } });
  await page.getByText('Score against size and time').waitFor({ state: 'hidden' });
  for (const title of ['Forgetting', 'What is to be avoided']) {
    assert.equal(await page.locator('.evaluation').getByRole('heading', { name: title }).count(), 0, title);
  }
  for (const part of ['.reliability', 'summary:text-is("Cost")'])
    assert.equal(await page.locator(part).count(), 0, part);
});

test('a comparison of methods is asked for when it is chosen, and stands in the place of a run', async () => {
  const { page, post, sent, complaints } = await evaluated(100);
  const list = page.getByRole('region', { name: 'Comparisons of methods' });
  assert.equal(await list.count(), 0);
  const summary = { id: 'c1', name: 'commit-kind', started: '2026-03-02T10:05:00Z', methods: ['LORA', 'IA3'] };
  await post({ type: 'comparisons', comparisons: [summary] });
  await list.getByRole('button').click();
  await page.getByRole('heading', { name: 'Methods for commit-kind' }).waitFor();
  assert.deepEqual(sent.at(-1), { type: 'loadComparison', comparisonId: 'c1' });
  const training = { learning_rate: 0.01, steps: 9, seconds: 2, tokens_per_second: 1500, memory_bytes: 1, error: null };
  const evaluation = await fakeEvaluation(100);
  const adapter = evaluation.arms.at(-1)!.detail;
  const trainings = [{ ...training, method: 'LORA', adapter }];
  await post({ type: 'comparison', comparisonId: 'c1', comparison: { trainings, evaluation } });
  const methods = page.getByRole('region', { name: 'Methods', exact: true });
  assert.match(await methods.getByRole('row', { name: /commit-kind 2/ }).innerText(), /0\.01\s+9\s+2 s\s+1\u2009500/);
  await page.getByRole('img', { name: /^Accuracy .* On the front:/ }).waitFor();
  await page.getByRole('list', { name: 'Runs' }).getByRole('button').click();
  await page.getByRole('heading', { name: 'commit-kind · seed 42' }).waitFor();
  await methods.waitFor({ state: 'hidden' });
  assert.deepEqual(complaints, []);
});

test('a reloaded page asks again for the runs it showed, and keeps filter and smoothing', async () => {
  const first = await evaluated(100);
  await first.page.getByRole('searchbox', { name: 'Filter rows' }).fill('parser');
  await first.page.getByRole('slider', { name: 'Smoothing' }).fill('0.5');
  const kept = await first.page.evaluate(() => Reflect.get(window, 'keptState'));
  const second = await evaluated(100, kept);
  assert.deepEqual(second.sent, [{ type: 'ready' }, { type: 'load', runId: 'done' }]);
  assert.equal(await second.page.getByRole('searchbox', { name: 'Filter rows' }).inputValue(), 'parser');
  assert.equal(await second.page.getByRole('slider', { name: 'Smoothing' }).inputValue(), '0.5');
});

test('the charts are drawn anew in the colours of another theme', async () => {
  const { page, setTheme } = await evaluated(10);
  const chart = page.getByRole('img', { name: /^Loss by step/ });
  const dark = await chart.screenshot();
  await setTheme('light');
  await page.waitForTimeout(100);
  assert.ok(!dark.equals(await chart.screenshot()));
});

test('everything that can be done can be reached by Tab, in the order of the page', async () => {
  const { page } = await evaluated(10);
  const reached: (string | null)[] = [];
  for (let i = 0; i < 21; i++) {
    await page.keyboard.press('Tab');
    reached.push(
      await page.evaluate(() => {
        const { activeElement: at } = document;
        return at?.getAttribute('aria-label') ?? at?.closest('label')?.textContent?.trim() ?? at?.textContent ?? null;
      }),
    );
  }
  const names = reached.map((name) => name?.slice(0, 11));
  assert.deepEqual(names, [
    'commit-kind',
    'commit-kind',
    'Evaluate',
    'Export Repo',
    'What the mo',
    'Smoothing',
    'Logarithmic',
    'Arms and me',
    'Every two a',
    'Hard prompt',
    'Cost',
    'Score Accur',
    'Cost Size o',
    'prose',
    'arithmetic',
    'What is to ',
    'Arm basezer',
    'Confusion m',
    'Labels by c',
    'Filter rows',
    'Disagreemen',
  ]);
});
