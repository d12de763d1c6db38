import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openChatTemplate } from '../checkpoint/chat.ts';
import { chatTokens, writeChat } from '../data/formedTokens.ts';
import { alpacaPrompt, type RowForm } from '../data/rowForms.ts';
import { answerPrompt } from '../evaluation/answer.ts';
import type { AdapterCard } from '../experiments/records.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { unsupervised } from '../models/labelledRow.ts';
import { chooseDevice } from '../runtime/devices.ts';
import { askingOf } from './asking.ts';

const dir = await mkdtemp(join(tmpdir(), 'asking-'));
after(() => rm(dir, { recursive: true }));
await cp(join(import.meta.dirname, '../../samples/models/tiny'), dir, { recursive: true });
const config = JSON.parse(await readFile(join(dir, 'tokenizer_config.json'), 'utf8'));
const template =
  "{% for m in messages %}{{ m.role + ':' + m.content + eos_token + '\\n' }}{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";
await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify({ ...config, chat_template: template }));
const language = await LanguageModel.open(dir, (await chooseDevice('cpu')).device);
after(() => language.close());

/** The card of an adapter whose experiment has these keys. */
function card(more: object, rows_form?: RowForm): AdapterCard {
  const experiment = { model: 'm', data: { train: 't.jsonl' }, method: { peft_type: 'PROMPT_TUNING' }, ...more };
  return { ...({ experiment } as AdapterCard), ...(rows_form && { rows_form }) };
}

test('a text is asked as an adapter was trained: by its template, as a conversation, as an instruction, or as it stands', async () => {
  const prompt = async (of: AdapterCard | null) => (await askingOf(of, language)).prompt('Why?');
  const templated = { template: { input: 'Q: {{q}}\nA:', target: ' {{a}}' } };
  assert.deepEqual(await prompt(card(templated)), { text: 'Q: Why?\nA:', whole: false });
  assert.deepEqual(await prompt(card(templated, 'chat')), { text: 'Q: Why?\nA:', whole: false });
  const context = { template: { ...templated.template, context: 'Notes: {{context}}\n' } };
  assert.deepEqual(await prompt(card(context)), { text: 'Q: Why?\nA:', whole: false });
  for (const form of ['chat', 'sharegpt'] as const) {
    assert.deepEqual(await prompt(card({}, form)), { text: 'user:Why?<|endoftext|>\nassistant:', whole: true });
  }
  assert.deepEqual(await prompt(card({}, 'alpaca')), { text: alpacaPrompt('Why?', ''), whole: false });
  for (const silent of [card({}), null]) assert.deepEqual(await prompt(silent), { text: 'Why?', whole: false });
});

test('a conversation is asked with the tokens that its answer was taught behind', async () => {
  const chat = (await openChatTemplate(dir))!;
  const messages = [
    { role: 'user', content: 'Why?' },
    { role: 'assistant', content: 'so' },
  ];
  const { inputIds, labels } = chatTokens(language.tokenizer, writeChat(messages, chat, { file: 'f', line: 1 }));
  const taught = inputIds.slice(
    0,
    labels.findIndex((label) => label !== unsupervised),
  );
  const { prompt } = await askingOf(card({}, 'chat'), language);
  const { text } = prompt('Why?');
  assert.deepEqual(language.tokenizer.encode(text, { addSpecialTokens: false }), taught);
  const never = new AbortController().signal;
  const answer = await answerPrompt(await language.attach(null), prompt('Why?'), null, 2, never);
  assert.equal(answer.kind, 'text');
});
