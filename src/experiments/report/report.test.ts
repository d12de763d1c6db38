import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvaluationResult } from '../../evaluation/result.ts';
import type { TrainingEvent } from '../../training/events.ts';
import { html } from './html.ts';
import { lossChart } from './lossChart.ts';
import { type ReportRecords, reportPage } from './report.ts';

const hostile = `</style></title><script>alert(1)</script><img src="//x.test/i" onerror='a()'>&amp;\u0000\u001b[31m\ud800`;

/** Records in which every text is `text`. */
function records(text: string): ReportRecords {
  const answer = (correct: boolean) => ({
    ...{ text, correct, probability: null, target_loss: 1, target_tokens: 1, greedy: text },
  });
  const answers = (base: boolean, adapter: boolean) => ({
    ...{ [`base ${text}`]: answer(base), [`hard ${text}`]: answer(true), [text]: answer(adapter) },
  });
  const figure = { figure: 'accuracy', value: 0.5, change: -0.5, rows: 1 } as const;
  const arm = {
    ...{ detail: text, metrics: { accuracy: 0.5 }, wins: 1, losses: 1, seconds: 1, bytes: 4, cached_rows: 1 },
    ...{ custom: { [text]: 1 }, guard: { [text]: figure } },
    classes: [{ label: text, precision: null, recall: 1, f1: 1, support: 1 }],
    reliability: [{ from: 0, to: 1, rows: 2, confidence: 0.5, accuracy: 0.5 }],
    base_untouched: { fingerprint: false, largest_logit_difference: 0 },
  };
  const found = { prompt: text, given: text, tried: 1, rows: 1, right: 1, given_right: 1 };
  const confusion = { labels: [text], counts: [[1, 1]] };
  const evaluation: EvaluationResult = {
    ...{ id: text, created: text, experiment: text, model: text, data: text, mode: 'choice', labels: [text] },
    metrics: ['accuracy'],
    custom_metrics: [text],
    arms: [
      { ...arm, name: `base ${text}`, kind: 'base', confusion, trainable_parameters: 0 },
      { ...arm, name: `hard ${text}`, kind: 'hard_prompt', found, confusion: null, trainable_parameters: 0 },
      { ...arm, name: text, kind: 'adapter', confusion, trainable_parameters: 1 },
    ],
    rows: [
      { index: 0, input: text, expected: text, answers: answers(false, true) },
      { index: 1, input: text, expected: text, answers: answers(true, false) },
    ],
  };
  return {
    run: {
      ...{ id: text, name: text, experiment: text, state: 'failed', pid: 1, started: text, ended: text, device: text },
      ...{ seed: 1, checkpoint: null, steps: 1, totalSteps: 2, adapter: text, error: text, madeWith: { [text]: text } },
    },
    experiment: { [text]: text },
    events: [],
    evaluation,
    card: {
      ...{ name: text, version: 1, created: text, base: { model: text, fingerprint: text }, run: text, seed: 1 },
      ...{ data: { file: text, sha256: text }, experiment: null, trainable_parameters: 1, best_step: 1 },
      ...{ validation_loss: null, metrics: {}, parent: null },
      checks: [{ name: 'base', figure: null, limit: 0, passed: null, note: text, time: text }],
    },
    tensors: new Map([[text, text]]),
  };
}

const step = (step: number, loss: number): TrainingEvent => ({
  ...{ event: 'step', step, loss, epoch: 1, learning_rate: 1, grad_norm: 1, tokens: 1, seconds: 1 },
});

test('nothing that comes from records becomes markup', () => {
  // What is in quotes is escaped, and some of it depends on how long a text is.
  const tags = (page: string) => page.match(/<[^>]*>/g)!.map((tag) => tag.replaceAll(/="[^"]*"/g, '=""'));
  const page = reportPage(records(hostile));
  assert.deepEqual(tags(page), tags(reportPage(records('text'))));
  assert.ok(page.includes('&lt;script&gt;alert(1)&lt;/script&gt;'));
  assert.ok(page.includes('&amp;amp;'));
  assert.doesNotMatch(page, /[^\P{Cc}\t\n]/u);
  assert.ok(page.isWellFormed());
});

test('a page has no address of anything to load and no script, and forbids both', () => {
  const page = reportPage(records('text'));
  assert.doesNotMatch(page, /<script|<link|<img|\ssrc=|\shref=|url\(|@import/);
  assert.match(page, /default-src 'none'; style-src 'unsafe-inline'/);
});

test('quotes cannot leave an attribute', () => {
  assert.equal(html`<p title="${`"'><b>`}">`.text, '<p title="&quot;&#39;&gt;&lt;b&gt;">');
});

test('the same records give the same page, and a run without an evaluation or an adapter has one', () => {
  const { run, experiment } = records('text');
  const bare = { run, experiment, events: [], evaluation: null, card: null, tensors: new Map() };
  assert.equal(reportPage(bare), reportPage(bare));
  assert.match(reportPage(bare), /has not been evaluated[\s\S]*no point to draw/);
});

test('the rows that an adapter won and lost are listed with what was answered', () => {
  const page = reportPage(records('text'));
  assert.match(page, /1 row won[\s\S]*✓ text[\s\S]*1 row lost[\s\S]*✗ text/);
});

test('a chart draws what has a scale: losses that ran away are left out, long runs thinned', () => {
  assert.equal(lossChart([]), null);
  assert.equal(lossChart([step(1, null as unknown as number), step(2, 1e300)]), null);
  const flat = lossChart([step(1, 0)])!.text;
  assert.doesNotMatch(flat, /NaN|Infinity/);
  const long = lossChart(Array.from({ length: 10_000 }, (_, i) => step(i + 1, 5 + (i % 2))))!.text;
  assert.ok((long.match(/L\d/g) ?? []).length <= 600);
  assert.doesNotMatch(long, /NaN|Infinity/);
});

test('points lie where their values say', () => {
  const chart = lossChart([step(0, 4), step(10, 0), { event: 'eval', step: 5, loss: 2, best: true, seconds: 1 }])!.text;
  // Axes end at round marks: steps 0 to 10, losses 0 to 4.
  assert.match(chart, /class="line training" d="M58 14L806 260"/);
  assert.match(chart, /class="best" cx="432" cy="137"/);
});
