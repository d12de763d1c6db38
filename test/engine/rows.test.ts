import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Random } from '../../src/foundation/random.ts';
import { generate } from '../../src/inference/generate.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { argmax } from '../../src/inference/sampling.ts';
import { configureMethod } from '../../src/methods/table.ts';
import { largestError, tinyModels } from '../golden/reference.ts';
import { drawnAdapter, drawnMethods, drawnRows } from './drawn.ts';
import { scoresOf } from './scores.ts';

/**
 * Not bit-equal: a matrix product of another number of rows is cut into other pieces, whose sums run in another order.
 * The error of that is of the size of float32's.
 */
const tolerance = 1e-5;
const greedy = { maxNewTokens: 12, stopIds: [], sampling: null, signal: new AbortController().signal };

for (const [family, dir] of Object.entries(tinyModels)) {
  describe(family, async () => {
    const language = await LanguageModel.open(dir, 'cpu');
    after(() => language.close());
    const { model } = language;
    const rows = drawnRows(model, 12);
    const drawn = Object.entries(drawnMethods).map(
      async ([name, config]) => [name, await drawnAdapter(model, 3, config)] as const,
    );
    const attachments = [['base', null] as const, ...(await Promise.all(drawn))];

    for (const [name, adapter] of attachments) {
      test(`${name}: a row scores the same alone and in any batch`, async () => {
        const attached = await language.attach(adapter);
        const together = await scoresOf(attached, rows);
        const some = await scoresOf(attached, rows.slice(3, 8));
        for (const [r, row] of rows.entries()) {
          const [alone] = await scoresOf(attached, [row]);
          assert.ok(alone!.length > 0);
          assert.ok(largestError(together[r]!, alone!) <= tolerance, `row ${r}`);
          if (r >= 3 && r < 8) assert.ok(largestError(some[r - 3]!, alone!) <= tolerance, `row ${r} of five`);
        }
      });

      if (model.task !== 'causal_lm') continue;
      test(`${name}: decoding with the cache is decoding by full passes`, async () => {
        const attached = await language.attach(adapter);
        const prompts = rows.slice(0, 4).map((row) => row.inputIds);
        const tokens = await generate(attached, prompts, greedy);
        for (const [r, prompt] of prompts.entries()) {
          const full = await (await attached.decode(1)).advance([[...prompt, ...tokens[r]!]], true);
          const chosen = full[0]!.slice(prompt.length - 1, -1).map(argmax);
          assert.deepEqual(tokens[r], chosen);
        }
      });
    }

    if (model.task !== 'causal_lm') return;
    const ids = [7, 3, 11, 3, 20];
    const begunFrom = async (peft_type: string) => {
      const config = { peft_type, num_virtual_tokens: ids.length, prompt_tuning_init: 'TEXT' };
      const method = configureMethod({ ...config, prompt_tuning_init_text: 'text' }, model);
      const tensors = await method.initialise({ model, random: Random.of(1, 'unused'), encode: () => ids });
      return language.attach({ method, tensors });
    };

    test('a soft prompt made of the embeddings of tokens does what those tokens do', async () => {
      const soft = await begunFrom('PROMPT_TUNING');
      const base = await language.attach(null);
      const hardRows = rows.map(({ inputIds, labels }) => ({
        inputIds: [...ids, ...inputIds],
        labels: [...ids.map(() => -100), ...Array.from(labels)],
      }));
      const [softScores, hardScores] = [await scoresOf(soft, rows), await scoresOf(base, hardRows)];
      for (const [r, score] of softScores.entries()) {
        assert.ok(largestError(score, hardScores[r]!) <= tolerance, `row ${r}`);
      }
      const prompts = rows.slice(0, 4).map((row) => row.inputIds);
      const hardPrompts = prompts.map((prompt) => [...ids, ...prompt]);
      assert.deepEqual(await generate(soft, prompts, greedy), await generate(base, hardPrompts, greedy));
    });

    test('a prefix made of the keys and values of tokens does what those tokens do, bar the first prediction', async () => {
      const prefix = await begunFrom('PREFIX_TUNING');
      const soft = await begunFrom('PROMPT_TUNING');
      const laterRows = rows.map(({ inputIds, labels }) => ({
        inputIds,
        labels: [-100, ...Array.from(labels).slice(1)],
      }));
      const [prefixScores, softScores] = [await scoresOf(prefix, laterRows), await scoresOf(soft, laterRows)];
      for (const [r, score] of prefixScores.entries()) {
        assert.ok(largestError(score, softScores[r]!) <= tolerance, `row ${r}`);
      }
      const prompts = rows.slice(0, 4).map((row) => row.inputIds);
      assert.deepEqual(await generate(prefix, prompts, greedy), await generate(soft, prompts, greedy));
    });
  });
}
