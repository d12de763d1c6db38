import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { drawnPrompt } from '../../test/engine/drawn.ts';
import { scoresOf } from '../../test/engine/scores.ts';
import { tinyModels } from '../../test/golden/reference.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { answerTokens, normalise, scoreAnswers } from './choose.ts';
import { LanguageModel } from './languageModel.ts';
import { Reading } from './reading.ts';

const never = new AbortController().signal;
const prompts = [[5, 9, 2], [40], [7, 7, 7, 7, 30, 31]];
const answers = [[3], [3, 8], [90, 4, 11, 2], [17]];

const { gpt2, llama } = tinyModels;
for (const [family, dir] of Object.entries({ gpt2, llama })) {
  describe(family, async () => {
    const language = await LanguageModel.open(dir, 'cpu');
    after(() => language.close());

    for (const [name, adapter] of Object.entries({ base: null, prompt: await drawnPrompt(language.model, 1) })) {
      test(`${name}: an answer scores what its tokens score after the prompt`, async () => {
        const attached = await language.attach(adapter);
        const scores = await scoreAnswers(await Reading.of(attached, prompts), answers, never);
        for (const [p, prompt] of prompts.entries()) {
          const rows = answers.map((answer) => ({
            inputIds: [...prompt, ...answer],
            labels: [...prompt.map(() => -100), ...answer],
          }));
          for (const [a, logprobs] of (await scoresOf(attached, rows)).entries()) {
            const expected = logprobs.reduce((sum, x) => sum + x, 0);
            assert.ok(Math.abs(scores[p]![a]! - expected) < 1e-4, `prompt ${p}, answer ${a}`);
          }
        }
      });
    }

    test('asked to stop, it stops', async () => {
      const attached = await language.attach(null);
      const reading = await Reading.of(attached, prompts);
      await assert.rejects(scoreAnswers(reading, answers, AbortSignal.abort()), (error) =>
        SoftpromptError.is(error, 'cancelled'),
      );
    });
  });
}

test('probabilities add up to 1 and keep their proportions, however small the scores', () => {
  for (const shift of [0, -5000]) {
    const found = normalise(Float64Array.of(Math.log(3) + shift, Math.log(1) + shift, Math.log(4) + shift));
    assert.ok(Math.abs(found.reduce((a, b) => a + b) - 1) < 1e-12);
    for (const [i, share] of [3 / 8, 1 / 8, 4 / 8].entries()) assert.ok(Math.abs(found[i]! - share) < 1e-9);
  }
});

test('labels get the end token, all of them, only where one begins another', () => {
  const end = 99;
  assert.deepEqual(answerTokens([[1, 2], [1, 3], [4]], end), [[1, 2], [1, 3], [4]]);
  assert.deepEqual(answerTokens([[1], [1, 3], [4]], end), [
    [1, end],
    [1, 3, end],
    [4, end],
  ]);
  assert.deepEqual(answerTokens([[1], [1, 3]], null), [[1], [1, 3]], 'nothing can be done without an end token');
});
