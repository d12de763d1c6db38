import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { formOf, type RowForm, rowForms } from './rowForms.ts';

const place = { file: 'rows.jsonl', line: 3 };
const user = { role: 'user', content: 'q' };
const assistant = { role: 'assistant', content: 'a' };

test('a form is known by its columns', () => {
  assert.equal(formOf({ messages: [] }), 'chat');
  assert.equal(formOf({ conversations: [], id: 1 }), 'sharegpt');
  assert.equal(formOf({ instruction: 'x', input: '', output: 'y' }), 'alpaca');
  assert.equal(formOf({ instruction: 'x', input: '' }), null);
  assert.equal(formOf({ text: 'x', messages: null }), null);
});

test('rows are read as the conversations and texts that they are', () => {
  const parts = {
    role: 'user',
    content: [
      { type: 'text', text: 'q' },
      { type: 'text', text: '?' },
    ],
  };
  assert.deepEqual(rowForms.chat.read({ messages: [parts, assistant] }, place), {
    messages: [{ role: 'user', content: 'q?' }, assistant],
  });
  assert.deepEqual(rowForms.chat.read({ messages: JSON.stringify([user, assistant]) }, place), {
    messages: [user, assistant],
  });
  const talk = [
    { from: 'system', value: 's' },
    { from: 'human', value: 'q' },
    { from: 'gpt', value: 'a' },
  ];
  assert.deepEqual(rowForms.sharegpt.read({ conversations: talk }, place), {
    messages: [{ role: 'system', content: 's' }, user, assistant],
  });
  const { prompt, completion } = rowForms.alpaca.read({ instruction: 'Add.', input: '1 2', output: '3' }, place) as {
    prompt: string;
    completion: string;
  };
  assert.match(prompt, /^Below is .*\n\n### Instruction:\nAdd\.\n\n### Input:\n1 2\n\n### Response:$/);
  assert.equal(completion, '3');
  const bare = rowForms.alpaca.read({ instruction: 'Add.', input: '', output: '3' }, place);
  assert.match((bare as { prompt: string }).prompt, /^Below [^#]*\n\n### Instruction:\nAdd\.\n\n### Response:$/);
});

const hostile: readonly (readonly [RowForm, object, RegExp])[] = [
  ['chat', { messages: 'hello' }, /messages is no list of messages/],
  ['chat', { messages: {} }, /messages is no list/],
  ['chat', { messages: [] }, /nothing that the assistant says/],
  ['chat', { messages: [null, assistant] }, /messages\[0\] is no message with role and content/],
  ['chat', { messages: [['user', 'q'], assistant] }, /messages\[0\] is no message/],
  ['chat', { messages: [{ role: 'narrator', content: 'q' }, assistant] }, /messages\[0\]\.role is "narrator", none of/],
  ['chat', { messages: [{ content: 'q' }, assistant] }, /messages\[0\]\.role is missing/],
  ['chat', { messages: [{ role: '__proto__', content: 'q' }, assistant] }, /messages\[0\]\.role is "__proto__"/],
  ['chat', { messages: [user, { role: 'assistant', content: null }] }, /messages\[1\]\.content is null/],
  ['chat', { messages: [user, { role: 'assistant' }] }, /messages\[1\]\.content is missing/],
  ['chat', { messages: [{ role: 'user', content: [{ type: 'image' }] }, assistant] }, /content\[0\] is no text/],
  ['chat', { messages: [user] }, /nothing that the assistant says/],
  ['chat', { messages: [assistant] }, /nothing that is answered/],
  ['chat', { messages: [user, assistant, user] }, /last of its messages is not the assistant's/],
  ['sharegpt', { conversations: [{ from: 'human', value: 3 }] }, /conversations\[0\]\.value is no text/],
  ['sharegpt', { conversations: [user, assistant] }, /conversations\[0\]\.from is missing/],
  ['alpaca', { instruction: 1, output: 'x' }, /instruction is no text/],
  ['alpaca', { instruction: 'x', input: [], output: 'x' }, /input is no text/],
  ['alpaca', { instruction: 'x', output: {} }, /output is no text/],
];

for (const [form, values, message] of hostile) {
  test(`${form}: ${JSON.stringify(values).slice(0, 70)} is refused with its line`, () => {
    assert.throws(
      () => rowForms[form].read(values as Record<string, unknown>, place),
      (error) =>
        SoftpromptError.is(error, 'data-invalid') &&
        message.test(error.message) &&
        error.message.startsWith('rows.jsonl, line 3: '),
    );
  });
}
