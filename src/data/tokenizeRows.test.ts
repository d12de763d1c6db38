import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTokenizer } from '../checkpoint/tokenizer.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Task } from '../models/task.ts';
import { rowValues } from './dataRow.ts';
import { parseTemplate } from './template.ts';
import { encodePrompt } from './templatedExample.ts';
import { type ExampleSource, tokenizeRows } from './tokenizeRows.ts';

const golden = join(import.meta.dirname, '../../test/golden/tokenizers');
const llama3 = await openTokenizer(join(golden, 'llama3'));
const t5 = await openTokenizer(join(golden, 't5'));
const template = { input: parseTemplate('Say: {{text}}'), target: parseTemplate(' {{label}}') };

function one(values: object, source: Partial<ExampleSource> = {}) {
  const rows = [{ line: 5, values: rowValues(Object.entries(values)) }];
  const { examples } = tokenizeRows(rows, { file: 'rows.jsonl', task: 'causal_lm', ...source });
  const { inputIds, labels } = examples[0]!;
  return { inputIds, labels };
}

test('causal_lm: start token, input, target, end token; target and end supervised', () => {
  const { inputIds, labels } = one({ text: 'Hello', label: 'good' }, { text: { tokenizer: llama3, ...template } });
  const plain = (text: string) => llama3.encode(text, { addSpecialTokens: false });
  const answer = [...plain(' good'), llama3.eosTokenId];
  assert.deepEqual(inputIds, [llama3.bosTokenId, ...plain('Say: Hello'), ...answer]);
  assert.deepEqual(labels, [...inputIds.slice(0, -answer.length).map(() => -100), ...answer]);
});

test('a prompt never ends in the end token the tokenizer adds, but keeps one that is in the text', () => {
  const withEnd = t5.encode('Hello', { addSpecialTokens: true });
  assert.equal(withEnd.at(-1), t5.eosTokenId);
  assert.deepEqual(encodePrompt(t5, 'Hello'), withEnd.slice(0, -1));
  assert.equal(encodePrompt(t5, 'Hello</s>').at(-1), t5.eosTokenId);
  assert.equal(encodePrompt(t5, 'Hello</s>').at(-2), withEnd.at(-2));
  assert.deepEqual(encodePrompt(t5, ''), []);
});

test('seq_2_seq_lm: input and target each as the tokenizer ends them', () => {
  const { inputIds, labels } = one(
    { text: 'Hello', label: 'good' },
    { task: 'seq_2_seq_lm', text: { tokenizer: t5, ...template } },
  );
  assert.deepEqual(inputIds, t5.encode('Say: Hello', { addSpecialTokens: true }));
  assert.deepEqual(labels, t5.encode(' good', { addSpecialTokens: true }));
});

test('seq_cls: the target names the class', () => {
  const text = { tokenizer: llama3, ...template, target: parseTemplate('{{label}}'), classes: ['bad', 'good'] };
  assert.deepEqual(one({ text: 'x', label: 'good' }, { task: 'seq_cls', text }).labels, [1]);
  assert.throws(() => one({ text: 'x', label: 'ugly' }, { task: 'seq_cls', text }), /line 5: .*"ugly".*"bad", "good"/);
});

test('with labels, a row of another label is refused, and so is a target that is more than the label', () => {
  const text = { tokenizer: llama3, ...template, classes: ['bad', 'good'] };
  const open = one({ text: 'x', label: 'good' }, { text: { tokenizer: llama3, ...template } });
  assert.deepEqual(one({ text: 'x', label: 'good' }, { text }), open);
  assert.throws(() => one({ text: 'x', label: 'ugly' }, { text }), /line 5: .*" ugly".*"bad", "good"/);
  assert.deepEqual(one({ text: 'x', label: 'good' }, { task: 'seq_cls', text }).labels, [1]);
  const both = { ...text, target: parseTemplate('{{text}} {{label}}') };
  assert.throws(() => one({ text: 'x', label: 'good' }, { text: both }), /must show exactly one column/);
});

test('tokenised rows are taken as they are; without labels every token is supervised', () => {
  assert.deepEqual(one({ input_ids: [3, 1, 2], text: 'unused' }), { inputIds: [3, 1, 2], labels: [3, 1, 2] });
  const labels = [-100, 1, 2];
  assert.deepEqual(one({ input_ids: [3, 1, 2], labels }), { inputIds: [3, 1, 2], labels });
  assert.deepEqual(one({ input_ids: [3], labels: null, attention_mask: null }), { inputIds: [3], labels: [3] });
});

test('padding is dropped, wherever it is', () => {
  const row = { input_ids: [0, 5, 6, 0], attention_mask: [0, 1, 1, 0], labels: [-100, 5, 6, -100] };
  assert.deepEqual(one(row), { inputIds: [5, 6], labels: [5, 6] });
  const decoder = { ...row, labels: [7] };
  assert.deepEqual(one(decoder, { task: 'seq_2_seq_lm' }), { inputIds: [5, 6], labels: [7] });
  assert.deepEqual(one({ ...row, labels: 2 }, { task: 'seq_cls' }), { inputIds: [5, 6], labels: [2] });
  assert.deepEqual(one({ ...row, labels: [2] }, { task: 'seq_cls' }).labels, [2]);
});

test('rows that are too long are reported, never cut', () => {
  const rows = [3, 4, 2].map((length, i) => ({
    line: 10 + i,
    values: rowValues([['input_ids', new Array(length).fill(1)]]),
  }));
  const { examples, tooLong } = tokenizeRows(rows, { file: 'f', task: 'causal_lm', maxLength: 3 });
  assert.deepEqual(
    examples.map(({ row, inputIds }) => [row, inputIds.length]),
    [
      [0, 3],
      [2, 2],
    ],
  );
  assert.deepEqual(tooLong, [{ file: 'f', line: 11, tokens: 4 }]);
});

test('wrong rows are refused with file and line', () => {
  const wrong: readonly [object, RegExp, Task?][] = [
    [{ text: 'x' }, /no input_ids, and there is no template/],
    [{ input_ids: [] }, /has no tokens/],
    [{ input_ids: [1], attention_mask: [0] }, /has no tokens/],
    [{ input_ids: '1 2' }, /input_ids is not a list/],
    [{ input_ids: { length: 1, 0: 1 } }, /input_ids is not a list/],
    [{ input_ids: [1, -1] }, /input_ids\[1\] is -1/],
    [{ input_ids: [1.5] }, /input_ids\[0\] is 1.5/],
    [{ input_ids: ['1'] }, /input_ids\[0\] is 1, not a token id/],
    [{ input_ids: [null] }, /input_ids\[0\] is null/],
    [{ input_ids: [2 ** 60] }, /input_ids\[0\]/],
    [{ input_ids: [10] }, /input_ids\[0\] is 10, not a token id below 10/],
    [{ input_ids: [1], labels: [10] }, /labels\[0\] is 10/],
    [{ input_ids: [1], labels: [-1] }, /labels\[0\] is -1, not a token id below 10 or -100/],
    [{ input_ids: [1, 2], labels: [1] }, /labels has 1 entries and input_ids 2/],
    [{ input_ids: [1, 2], attention_mask: [1] }, /attention_mask has 1 entries and input_ids 2/],
    [{ input_ids: [1], attention_mask: [2] }, /attention_mask\[0\] is 2, not 0 or 1/],
    [{ input_ids: [1], labels: [] }, /labels is empty/, 'seq_2_seq_lm'],
    [{ input_ids: [1] }, /labels is not a list/, 'seq_2_seq_lm'],
    [{ input_ids: [1] }, /labels is not a class index/, 'seq_cls'],
    [{ input_ids: [1], labels: [0, 1] }, /labels is not a class index/, 'seq_cls'],
  ];
  for (const [values, pattern, task = 'causal_lm'] of wrong) {
    assert.throws(
      () => one(values, { task, vocabularySize: 10 }),
      (error) => {
        assert.ok(SoftpromptError.is(error, 'data-invalid'), String(error));
        assert.match(error.message, /^rows\.jsonl, line 5: /);
        assert.match(error.message, pattern);
        return true;
      },
    );
  }
});
