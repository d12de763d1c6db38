import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdapterCard, RunRecord } from '../experiments/records.ts';
import { canResume, runStateOf } from './runState.ts';
import {
  adapterDescription,
  adapterFacts,
  adapterLabel,
  badgeWords,
  checkBadge,
  runDescription,
  runLabel,
} from './treeLabels.ts';

const card: AdapterCard = {
  name: 'commit-kind',
  version: 3,
  created: '2026-03-01T10:00:00Z',
  base: { model: 'models/tiny', fingerprint: 'f' },
  data: { file: 'train.jsonl', sha256: 's' },
  experiment: {},
  run: 'r1',
  seed: 42,
  trainable_parameters: 3072,
  best_step: 100,
  validation_loss: 0.12,
  metrics: { accuracy: 0.97, f1: 0.96 },
  parent: 2,
};
const adapter = {
  name: 'commit-kind',
  version: 3,
  bytes: 12_392,
  peftType: 'PROMPT_TUNING',
  readOnly: null,
  virtualTokens: 16,
  card,
};

const run: RunRecord = {
  id: 'r1',
  name: 'commit-kind',
  experiment: '/w/commit-kind.tune.yaml',
  state: 'running',
  pid: 7,
  started: '2026-03-01T10:00:00Z',
  ended: null,
  device: 'cpu',
  seed: 42,
  checkpoint: 40,
  steps: 45,
  totalSteps: 120,
  adapter: null,
  error: null,
};

test('an adapter says its leading test metric, method, virtual tokens and size', () => {
  assert.equal(adapterLabel(adapter), 'commit-kind 3');
  assert.equal(adapterDescription(adapter), 'accuracy 0.970 · PROMPT_TUNING · 16 virtual tokens · 12 KB');
});

test('before an evaluation an adapter shows its validation loss; one from elsewhere shows what its files tell', () => {
  assert.match(adapterDescription({ ...adapter, card: { ...card, metrics: {} } }), /^validation loss 0\.120 /);
  const foreign = { ...adapter, card: null, virtualTokens: null };
  assert.equal(adapterDescription(foreign), 'PROMPT_TUNING · 12 KB');
  assert.equal(adapterDescription({ ...foreign, peftType: 'OFT', readOnly: 'why' }), 'OFT · read-only · 12 KB');
  assert.deepEqual(adapterFacts(foreign), [['From', 'another tool (no card.json)']]);
});

test('a run whose process is gone is interrupted, and resumes only from a checkpoint', () => {
  assert.equal(
    runStateOf(run, true, () => true),
    'training',
  );
  assert.equal(
    runStateOf(run, false, () => false),
    'elsewhere',
  );
  assert.equal(runDescription(run, 'elsewhere', null), 'training in another process');
  const state = runStateOf(run, false, () => true);
  assert.equal(state, 'interrupted');
  assert.equal(runDescription(run, state, null), 'interrupted · step 45 of 120 — resume');
  assert.equal(canResume({ ...run, checkpoint: null }, state), false);
  assert.equal(runDescription({ ...run, checkpoint: null }, state, null), 'interrupted · step 45 of 120');
});

test('a run that has ended keeps its own state, whatever its process id is now', () => {
  assert.equal(
    runStateOf({ ...run, state: 'finished' }, false, () => true),
    'finished',
  );
  assert.equal(runDescription({ ...run, state: 'finished', steps: 120 }, 'finished', null), 'finished · 120 steps');
  assert.equal(canResume({ ...run, state: 'finished' }, 'finished'), false);
});

test('a live run says how far it is, and that it is starting before its first step', () => {
  assert.equal(runDescription(run, 'training', null), 'training · starting');
  const progress = { step: 30, totalSteps: 120, loss: 1.5, tokensPerSecond: 900, secondsLeft: 90 };
  assert.equal(runDescription(run, 'training', progress), 'training · step 30 of 120 · loss 1.500 · 1 min 30 s left');
});

test('a run is labelled by local time, or by its id when the time is no time', () => {
  assert.match(runLabel(run), /^\d{1,2} \w{3} \d{2}:\d{2}:\d{2}$/);
  assert.equal(runLabel({ ...run, started: 'yesterday' }), 'r1');
});

test("the badge is red when one check failed, and each check's figure and limit are in the tooltip", () => {
  const time = '2026-03-01T10:00:00Z';
  const passed = { name: 'padding', figure: 0, limit: 0.001, passed: true, time } as const;
  const failed = { name: 'end_of_text', figure: 0, limit: 0, passed: false, todo: 'End every target.', time } as const;
  const grey = { name: 'base', figure: null, limit: 0, passed: null, note: 'no card', time } as const;
  const withChecks = (...checks: NonNullable<AdapterCard['checks']>) => ({ ...card, checks });
  for (const [checked, badge, words] of [
    [card, 'none', null],
    [null, 'none', null],
    [withChecks(grey), 'none', null],
    [withChecks(passed, grey), 'passed', 'checks passed'],
    [withChecks(passed, failed, grey), 'failed', '1 check failed'],
  ] as const) {
    assert.equal(checkBadge(checked), badge);
    assert.equal(badgeWords(checked), words);
  }
  const facts = new Map(adapterFacts({ ...adapter, card: withChecks(passed, failed, grey) }));
  assert.match(facts.get('Check: padding')!, /^passed: 0.*, limit 0\.001/);
  assert.match(facts.get('Check: end of text')!, /^FAILED: 0.*, limit 0\.000\. End every target\.$/);
  assert.equal(facts.get('Check: base'), 'does not apply: no card');
});
