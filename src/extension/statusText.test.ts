import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusDetails, statusText } from './statusText.ts';
import type { SessionState } from './workerSession.ts';

const idle: SessionState = { worker: 'off', model: null, adapter: null, activity: null, residentBytes: null };
const choice = { dir: '/w/models/tiny', reason: 'the only model in the workspace' };

test('the status bar names model, who answers, device, and spins while the worker is busy', () => {
  assert.equal(statusText(idle, choice, true), '$(beaker) tiny · base model');
  const model = {
    dir: choice.dir,
    name: 'tiny',
    modelType: 'llama',
    parameters: 1,
    vocabulary: 1,
    maxPositions: 1,
    device: 'cpu',
    deviceReason: 'cpu: works; webgpu: no adapter',
    seconds: 1,
  };
  const busy = { ...idle, model, adapter: '/w/.softprompt/adapters/commit-kind/3', activity: 'answering' };
  assert.equal(statusText(busy, choice, true), '$(sync~spin) tiny · commit-kind 3 · cpu');
  assert.match(statusDetails(busy, choice, true), /cpu \\\(cpu: works; webgpu: no adapter\\\)/);
});

test('it says what is missing: a model, the worker, trust', () => {
  assert.equal(statusText(idle, { dir: null, reason: 'none' }, true), '$(beaker) Softprompt: no model');
  assert.equal(statusText({ ...idle, worker: 'crashed' }, choice, true), '$(warning) tiny · base model');
  assert.equal(statusText(idle, choice, false), '$(shield) Softprompt: viewing only');
  assert.match(statusDetails(idle, choice, false), /not trusted/);
});

test('the tooltip says why it is this model and what the worker does', () => {
  const details = statusDetails({ ...idle, activity: 'training commit-kind', residentBytes: 2 ** 30 }, choice, true);
  assert.match(details, /the only model in the workspace/);
  assert.match(details, /\| Busy \| training commit\\-kind \|/);
  assert.match(details, /\| Memory \| 1024\\\.0 MB \|/);
});
