import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPageMessage } from './runsMessages.ts';
import { runsPage } from './runsPage.ts';

test('the messages of the page are known', () => {
  assert.ok(isPageMessage({ type: 'ready' }));
  for (const type of ['load', 'unload', 'stop', 'resume', 'evaluate'])
    assert.ok(isPageMessage({ type, runId: 'r1' }), type);
  assert.ok(isPageMessage({ type: 'loadComparison', comparisonId: 'c1' }));
});

test('anything else is none of them', () => {
  const strange = [
    null,
    7,
    'ready',
    {},
    { type: 1 },
    { type: 'delete', runId: 'r1' },
    { type: 'stop' },
    { type: 'stop', runId: 1 },
    { type: 'toString' },
    { type: 'loadComparison', runId: 'r1' },
  ];
  for (const message of strange) assert.equal(isPageMessage(message), false, JSON.stringify(message));
});

test('the page allows its own script by nonce and its own style, and nothing else', () => {
  const html = runsPage({
    nonce: 'n0nce',
    source: 'https://own',
    script: 'https://own/runs.js',
    style: 'https://own/runs.css',
  });
  const policy = /content="([^"]+)"/.exec(html)?.[1] ?? '';
  assert.match(policy, /^default-src 'none'; script-src 'nonce-n0nce';/);
  assert.doesNotMatch(policy, /unsafe|\*|https:\s|data:/);
  assert.doesNotMatch(html, /style="|<style|onclick=/);
});
