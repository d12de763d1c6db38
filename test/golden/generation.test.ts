import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { generate } from '../../src/inference/generate.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { readAdapter } from '../../src/methods/adapter.ts';
import { goldenCases, readCase } from './reference.ts';

interface GeneratedRow {
  readonly input_ids: readonly number[];
  readonly new_tokens: readonly number[];
}

interface GenerateCase {
  readonly model: string;
  readonly adapter?: string;
  readonly max_new_tokens: number;
  /** peft021: rows run alone, by full passes. */
  readonly rows?: readonly GeneratedRow[];
  /** peft010: rows run alone. */
  readonly single?: readonly GeneratedRow[];
}

for (const { title, root, path } of goldenCases('generate')) {
  const expected: GenerateCase = readCase(path);
  const rows = expected.rows ?? expected.single!;
  const prompts = rows.map((row) => row.input_ids);
  const tokens = rows.map((row) => row.new_tokens);
  const greedy = { maxNewTokens: expected.max_new_tokens, sampling: null, signal: new AbortController().signal };

  describe(title, async () => {
    const language = await LanguageModel.open(join(root, expected.model), 'cpu');
    after(() => language.close());
    const { adapter } = expected;
    const attached = await language.attach(
      adapter == null ? null : await readAdapter(join(root, adapter), language.model),
    );

    test('the same greedy tokens in one batch', async () => {
      assert.deepEqual(await generate(attached, prompts, { ...greedy, stopIds: [] }), tokens);
    });

    test('the same greedy tokens one row at a time', async () => {
      for (const [r, prompt] of prompts.entries()) {
        assert.deepEqual(await generate(attached, [prompt], { ...greedy, stopIds: [] }), [tokens[r]]);
      }
    });

    test('a row ends before its stop token, others go on', async () => {
      const stop = tokens[0]![3]!;
      const cut = tokens.map((row) => (row.includes(stop) ? row.slice(0, row.indexOf(stop)) : row));
      assert.deepEqual(await generate(attached, prompts, { ...greedy, stopIds: [stop] }), cut);
    });
  });
}
