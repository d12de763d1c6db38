import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerReport } from '../worker/protocol.ts';
import { answerDetails, answerLine, escapeMarkdown, fenced } from './answerText.ts';

const label: AnswerReport = {
  adapterName: 'commit-kind 3',
  adapter: {
    kind: 'label',
    label: 'feature',
    probability: 0.97,
    ranked: [
      { label: 'feature', probability: 0.97 },
      { label: 'fix', probability: 0.03 },
    ],
  },
  base: {
    kind: 'label',
    label: 'other',
    probability: 0.41,
    ranked: [
      { label: 'other', probability: 0.41 },
      { label: 'feature', probability: 0.12 },
    ],
  },
  prompt: 'Commit: add a retry\nKind:',
  milliseconds: 12.34,
};

test("the line puts the adapter's answer beside the base model's", () => {
  assert.equal(answerLine(label), 'commit-kind 3: feature 97 %  │  base: other 41 %');
});

test('open text shows its beginning and the perplexity, and says when there is none', () => {
  const continuation = `timer\n${'x'.repeat(100)}`;
  const line = answerLine({
    ...label,
    adapter: { kind: 'text', continuation, perplexity: 1.234 },
    base: { kind: 'text', continuation: ' \n', perplexity: 14 },
  });
  assert.match(line, /^commit-kind 3: “timer ⏎ x+…” ppl 1\.234 {2}│ {2}base: \(nothing\) ppl 14\.0$/);
});

test('without an adapter the base model answers alone, and the details say so', () => {
  const alone = { ...label, adapterName: null, adapter: null };
  assert.equal(answerLine(alone), 'base: other 41 %');
  assert.match(answerDetails(alone, []), /No adapter is active/);
});

test('the details rank the labels and show prompt, time and links', () => {
  const details = answerDetails(label, ['[Swap](command:x)']);
  assert.match(details, /\| 1 \| feature \| 97 % \| 12 % \|\n\| 2 \| fix \| 3 % \| – \|/);
  assert.match(details, /```text\nCommit: add a retry\nKind:\n```/);
  assert.match(details, /12\.3 ms · \[Swap\]\(command:x\)/);
});

test('text from a model cannot end its block, start a table or a link', () => {
  assert.equal(fenced('a\n```\nb'), '````text\na\n```\nb\n````');
  assert.equal(escapeMarkdown('[a](command:b) | <c>'), '\\[a\\]\\(command:b\\) \\| \\<c\\>');
});
