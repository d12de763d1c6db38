import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcomeOf } from '../../test/outcome.ts';
import { alpacaPrompt } from '../data/rowForms.ts';
import { keepNothing } from '../evaluation/answerStore.ts';
import type { TrainingEvent } from '../training/events.ts';
import { reportData } from './dataReport.ts';
import { engineEvaluation, openEachTime } from './engineEvaluation.ts';
import { trainingEngine } from './engineTraining.ts';
import { readExperiment } from './experimentFile.ts';
import { previewExperiment, previewLines } from './previewExperiment.ts';
import { freshPlace } from './trainingPlace.ts';

const env = { now: () => new Date('2026-11-23T01:45:00Z'), random: () => 0.1, pid: 1, user: 'ada', host: 'h' };
const dir = await mkdtemp(join(tmpdir(), 'file-rows-'));
after(() => rm(dir, { recursive: true }));

/** The sample model, once as it is and once with a chat template. */
const plain = join(import.meta.dirname, '../../samples/models/tiny');
const chatty = join(dir, 'chatty');
await cp(plain, chatty, { recursive: true });
const config = JSON.parse(await readFile(join(chatty, 'tokenizer_config.json'), 'utf8'));
const template =
  "{% for m in messages %}{{ m.role + ': ' + m.content + eos_token + '\\n' }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
await writeFile(join(chatty, 'tokenizer_config.json'), JSON.stringify({ ...config, chat_template: template }));

const asked = ['Fix the parser', 'Describe the parser', 'Test the parser', 'Speed the parser up'];
const answers = ['fix', 'docs', 'test', 'perf'];
const rows = {
  messages: asked.map((content, i) => ({
    messages: [
      { role: 'user', content },
      { role: 'assistant', content: answers[i] },
    ],
  })),
  conversations: asked.map((value, i) => ({
    conversations: [
      { from: 'human', value },
      { from: 'gpt', value: answers[i] },
    ],
  })),
  alpaca: asked.map((instruction, i) => ({ instruction, input: '', output: answers[i] })),
  text: asked.map((text, i) => ({ text, kind: answers[i] })),
};

/** An experiment on these rows. */
async function experimentOn(model: string, given: readonly object[], more = '') {
  await writeFile(join(dir, 'rows.jsonl'), given.map((row) => JSON.stringify(row)).join('\n'));
  const file = join(dir, 'forms.tune.yaml');
  await writeFile(
    file,
    `model: ${model}
data: {train: rows.jsonl, test: rows.jsonl}
method: {peft_type: PROMPT_TUNING, num_virtual_tokens: 4}
training: {device: cpu, max_steps: 3, per_device_train_batch_size: 4}
evaluation: {max_new_tokens: 4}
${more}`,
  );
  return readExperiment(file);
}

/** The events of training on these rows. */
async function trained(model: string, given: readonly object[], more = ''): Promise<readonly TrainingEvent[]> {
  const { experiment } = await experimentOn(model, given, more);
  const folders = await mkdtemp(join(dir, 'trained-'));
  const request = { experiment, resume: false, quiet: true };
  const places = { checkpoints: join(folders, 'checkpoints'), adapterFolder: join(folders, 'adapter') };
  const events: TrainingEvent[] = [];
  const engine = trainingEngine(freshPlace);
  for await (const event of engine.train({ ...request, ...places }, new AbortController().signal)) events.push(event);
  return events;
}

const losses = (events: readonly TrainingEvent[]) =>
  events.flatMap((event) => (event.event === 'step' ? [event.loss] : []));
const formOf = (events: readonly TrainingEvent[]) =>
  events.flatMap((event) => (event.event === 'start' ? [event.rows_form ?? null] : []));

test('chat, ShareGPT and a template that writes the same give the same training', async () => {
  const chat = await trained(chatty, rows.messages);
  const shared = await trained(chatty, rows.conversations);
  const end = '<|endoftext|>';
  const spelt = await trained(
    chatty,
    rows.text,
    `template: {input: "user: {{text}}${end}\\nassistant: ", target: "{{kind}}"}`,
  );
  assert.deepEqual(losses(shared), losses(chat));
  // A conversation has a line break behind the end, which is read and not learnt: the sums of its batches run in another order.
  for (const [i, loss] of losses(spelt).entries()) assert.ok(Math.abs(loss - losses(chat)[i]!) < 1e-5);
  assert.match(formOf(chat)[0]!, /^Rows are chat messages, written by the model's own chat template; /);
  assert.match(formOf(shared)[0]!, /^Rows are ShareGPT conversations, /);
  assert.deepEqual(formOf(spelt), [null]);
});

test('Alpaca rows train as the published prompt does, and a template wins over a form', async () => {
  const alpaca = await trained(plain, rows.alpaca);
  const prompt = JSON.stringify(alpacaPrompt('{{instruction}}', ''));
  const spelt = await trained(plain, rows.alpaca, `template: {input: ${prompt}, target: "{{output}}"}`);
  assert.deepEqual(losses(alpaca), losses(spelt));
  assert.match(formOf(alpaca)[0]!, /^Rows are Alpaca instructions, /);
  assert.deepEqual(formOf(spelt), [null]);
});

test('an evaluation asks the last answer of each conversation, and a preview shows what is learnt', async () => {
  const talk = rows.messages.map(({ messages }, i) => ({
    messages: [...messages, { role: 'user', content: 'And now?' }, { role: 'assistant', content: answers[3 - i] }],
  }));
  const { file, experiment } = await experimentOn(chatty, talk);
  const request = { file, experiment, adapters: [], answers: keepNothing };
  const result = await outcomeOf(engineEvaluation(openEachTime, env).evaluate(request, new AbortController().signal));
  assert.deepEqual(
    result.rows.map(({ expected }) => expected),
    answers.toReversed(),
  );
  assert.match(result.rows[0]!.input, /user: Fix the parser.*assistant: fix.*user: And now\?.*assistant: $/s);
  const preview = await previewExperiment(experiment, 1);
  assert.match(preview.rows.form!, /^Rows are chat messages/);
  const taught = preview.rows.rows[0]!.parts.filter((part) => part.supervised);
  assert.deepEqual(
    taught.map(({ tokens }) => tokens.map((token) => token.text).join('')),
    ['fix<|endoftext|>', 'perf<|endoftext|>'],
  );
  assert.match(previewLines(preview).join('\n'), /Rows are chat messages, /);
});

test('a conversation that is asked twice with other answers, and one that is tested on too, are told', async () => {
  const twice = { messages: [rows.messages[0]!.messages[0], { role: 'assistant', content: 'other' }] };
  const loaded = await experimentOn(chatty, [...rows.messages, twice]);
  const report = await reportData(loaded.experiment, true);
  assert.deepEqual(report.conflicts, [{ line: 1, other: 5, similarity: 1 }]);
  assert.equal(report.leaks[0]!.pairs.length, 5);
  // The words of Alpaca's prompt, which are most of every row, make no two rows alike.
  const asked = ['Name a river in Peru', 'Why is snow white?', 'Sum 2, 4 and 9', 'Greet the queen'];
  const alpaca = await experimentOn(
    plain,
    asked.map((instruction) => ({ instruction, input: '', output: 'x' })),
  );
  const { experiment } = alpaca;
  await writeFile(
    join(dir, 'other.jsonl'),
    JSON.stringify({ instruction: 'Name a lake in Chile', input: '', output: 'x' }),
  );
  const data = { ...experiment.data, test: join(dir, 'other.jsonl') };
  assert.deepEqual((await reportData({ ...experiment, data }, true)).leaks, []);
});

test('what cannot be written or classified is refused with what to do, and a row of another form with its line', async () => {
  await assert.rejects(
    trained(plain, rows.messages),
    /rows\.jsonl: has chat messages, and the model has no chat template to write them with/,
  );
  await assert.rejects(
    trained(plain, [...rows.alpaca, { text: 'x' }]),
    /rows\.jsonl, line 5: has no instruction, which/,
  );
  const broken = [...rows.messages, { messages: [{ role: 'user', content: 'x' }] }];
  await assert.rejects(trained(chatty, broken), /rows\.jsonl, line 5: messages has nothing that the assistant says/);
  await assert.rejects(trained(plain, rows.text), /Without one rows hold input_ids, messages \(chat\)/);
});
