import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { drawnPrompt } from '../../test/engine/drawn.ts';
import { scoresOf } from '../../test/engine/scores.ts';
import { largestError, tinyModels } from '../../test/golden/reference.ts';
import { generate } from './generate.ts';
import { LanguageModel } from './languageModel.ts';
import { Reading } from './reading.ts';

const { gpt2, llama } = tinyModels;
const long = { maxNewTokens: 1000, stopIds: [], sampling: null, signal: new AbortController().signal };

for (const [family, dir] of Object.entries({ gpt2, llama })) {
  describe(family, async () => {
    const language = await LanguageModel.open(dir, 'cpu');
    after(() => language.close());
    const attached = await language.attach(await drawnPrompt(language.model, 1));
    const { maxPositions } = language.model.architecture.sizes;
    const words = (count: number) => Array.from({ length: count }, (_, i) => 7 + (i % 50));

    /** A prompt that leaves room for some tokens. */
    const leaving = (room: number) => words(maxPositions - attached.method.virtualTokens - room);

    test('continuations of any lengths score what the rows score as wholes', async () => {
      const prompts = [words(3), words(9), words(1), leaving(1)];
      const continuations = [[5], [6, 2, 9, 30], [8, 8], [4, 11]];
      const reading = await Reading.of(attached, prompts);
      const rows = prompts.map((prompt, r) => ({
        inputIds: [...prompt, ...continuations[r]!],
        labels: [...prompt.map(() => -100), ...continuations[r]!],
      }));
      // The last token of a row is only predicted, so it needs no position; a whole row would take one for it.
      const whole = await scoresOf(attached, rows.slice(0, 3));
      for (const scores of [await reading.score(continuations), await reading.score(continuations)]) {
        for (const [r, score] of whole.entries()) assert.ok(largestError(scores[r]!, score) <= 1e-5, `row ${r}`);
        assert.equal(scores[3]!.length, 2);
      }
    });

    test('an empty continuation has no scores, alone and beside others', async () => {
      const reading = await Reading.of(attached, [words(3), words(5)]);
      const [none, some] = await reading.score([[], [4, 9]]);
      assert.deepEqual([none!.length, some!.length], [0, 2]);
      assert.deepEqual(await reading.score([[], []]), [new Float64Array(0), new Float64Array(0)]);
    });

    test('a row is written to its own last position, whatever the others have room for', async () => {
      const prompts = [leaving(2), leaving(10)];
      const together = await generate(attached, prompts, long);
      assert.deepEqual(
        together.map((row) => row.length),
        [3, 11],
        'the last position predicts one more token',
      );
      for (const [r, prompt] of prompts.entries()) {
        assert.deepEqual(await generate(attached, [prompt], long), [together[r]]);
      }
    });

    test('what a row has no positions for is refused', async () => {
      const reading = await Reading.of(attached, [leaving(2), leaving(10)]);
      await reading.score([words(3), words(11)]);
      await assert.rejects(reading.score([words(4), words(1)]), /the model has \d+ positions/);
      await assert.rejects(Reading.of(attached, [leaving(0)]), /the model has \d+ positions/);
    });
  });
}
