import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { tinyModels } from '../../test/golden/reference.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { type GenerateOptions, generate } from './generate.ts';
import { LanguageModel } from './languageModel.ts';

const language = await LanguageModel.open(tinyModels.gpt2, 'cpu');
after(() => language.close());
const attached = await language.attach(null);
const prompts = [[5, 9, 2], [40]];
const options: GenerateOptions = {
  maxNewTokens: 20,
  stopIds: [],
  sampling: null,
  signal: new AbortController().signal,
};

const sampled = (seed: number, topP = 1, temperature = 1) =>
  generate(attached, prompts, { ...options, sampling: { temperature, topP, random: Random.of(seed, 'generate') } });

test('a seed gives its tokens again, another seed others', async () => {
  assert.deepEqual(await sampled(1), await sampled(1));
  assert.notDeepEqual(await sampled(1), await sampled(2));
});

test('a nucleus of one token and temperature 0 are greedy', async () => {
  const greedy = await generate(attached, prompts, options);
  assert.deepEqual(await sampled(1, 0), greedy);
  assert.deepEqual(await sampled(1, 1, 0), greedy);
});

test('nothing is generated of nothing asked for, and nothing after a stop', async () => {
  assert.deepEqual(await generate(attached, prompts, { ...options, maxNewTokens: 0 }), [[], []]);
  const greedy = await generate(attached, prompts, options);
  const stopIds = greedy.map(([first]) => first!);
  assert.deepEqual(await generate(attached, prompts, { ...options, stopIds }), [[], []]);
});

test('asked to stop, it stops', async () => {
  await assert.rejects(generate(attached, prompts, { ...options, signal: AbortSignal.abort() }), (error) =>
    SoftpromptError.is(error, 'cancelled'),
  );
});
