import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ChatMessage, openChatTemplate } from '../checkpoint/chat.ts';
import { openTokenizer } from '../checkpoint/tokenizer.ts';
import { unsupervised } from '../models/labelledRow.ts';
import { chatTokens, writeChat } from './formedTokens.ts';

const golden = join(import.meta.dirname, '../../test/golden/tokenizers');
const place = { file: 'rows.jsonl', line: 7 };

for (const name of ['llama2', 'llama2-hub', 'llama3', 'qwen']) {
  test(`${name}: the tokens are those that transformers gives for the conversation, and each answer is what it adds`, async () => {
    const chat = (await openChatTemplate(join(golden, name)))!;
    const tokenizer = await openTokenizer(join(golden, name));
    const cases: { messages: ChatMessage[]; add_generation_prompt: boolean; ids?: number[]; text?: string }[] =
      JSON.parse(await readFile(join(golden, name, 'chat.json'), 'utf8'));
    const answered = cases.filter(
      ({ messages, add_generation_prompt: asks, ids }) =>
        !asks && ids !== undefined && messages.length > 1 && messages.at(-1)!.role === 'assistant',
    );
    assert.ok(answered.length > 0);
    for (const { messages, ids, text } of answered) {
      const written = writeChat(messages, chat, place);
      const { inputIds, labels } = chatTokens(tokenizer, written);
      if (written.text === text) assert.deepEqual(inputIds.slice(0, ids!.length), ids);
      // Behind them at most an end token that the template left out.
      assert.ok(inputIds.length - ids!.length <= 1);
      const taught = tokenizer.decode(
        labels.filter((label) => label !== unsupervised),
        { skipSpecialTokens: true },
      );
      const says = messages.filter(({ role }) => role === 'assistant').map(({ content }) => content.trim());
      let at = 0;
      for (const each of says) {
        assert.ok(taught.indexOf(each, at) >= at, `${JSON.stringify(each)} in ${JSON.stringify(taught)}`);
        at = taught.indexOf(each, at) + each.length;
      }
      for (const { role, content } of messages) {
        if (role !== 'assistant' && content.length > 3) assert.ok(!taught.includes(content), content);
      }
      const last = labels.findLast((label) => label !== unsupervised)!;
      assert.ok(tokenizer.eosTokenIds.includes(last), 'the last thing that is taught is to end');
      for (const [t, label] of labels.entries()) assert.ok(label === unsupervised || label === inputIds[t]);
    }
  });
}

/** A template that writes messages with this; `answer` is how it writes an answer that others follow. */
const fake = (answer: (content: string) => string) => ({
  file: '/m/tokenizer_config.json',
  render: (messages: readonly ChatMessage[], { addGenerationPrompt }: { readonly addGenerationPrompt: boolean }) =>
    messages
      .map(({ role, content }, i) => {
        const later = i < messages.length - 1 && role === 'assistant';
        return `<${role}>${later ? answer(content) : content}|`;
      })
      .join('') + (addGenerationPrompt ? '<assistant>' : ''),
});

const talk: readonly ChatMessage[] = [
  { role: 'user', content: 'a' },
  { role: 'assistant', content: 'thought b' },
  { role: 'user', content: 'c' },
  { role: 'assistant', content: 'thought d' },
];

test('every answer is taught that is written alike with and without what follows it', () => {
  const alike = writeChat(
    talk,
    fake((content) => content),
    place,
  );
  assert.deepEqual(
    alike.answers.map(([from, to]) => alike.text.slice(from, to)),
    ['thought b|', 'thought d|'],
  );
  const dropped = writeChat(
    talk,
    fake((content) => content.replace('thought ', '')),
    place,
  );
  assert.deepEqual(
    dropped.answers.map(([from, to]) => dropped.text.slice(from, to)),
    ['thought d|'],
  );
  // Who opens a conversation was asked nothing.
  const greeted = writeChat(
    [{ role: 'assistant', content: 'hi' }, ...talk],
    fake((content) => content),
    place,
  );
  assert.equal(greeted.answers.length, 2);
});

test('a template that asks otherwise than it writes, or refuses, is told with the line', () => {
  const asksOtherwise = {
    file: '/m/chat_template.jinja',
    render: (messages: readonly ChatMessage[], { addGenerationPrompt }: { readonly addGenerationPrompt: boolean }) =>
      `${addGenerationPrompt ? 'Q' : 'q'}${messages.map(({ content }) => content).join('')}`,
  };
  assert.throws(() => writeChat(talk, asksOtherwise, place), /rows\.jsonl, line 7: the chat template of .* otherwise/);
});
