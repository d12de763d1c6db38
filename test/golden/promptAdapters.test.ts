import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SoftpromptError } from '../../src/foundation/errors.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { readAdapter } from '../../src/methods/adapter.ts';
import { largestError, readCase, readTensors, tinyModels } from './reference.ts';

interface Verdicts {
  readonly input_ids: readonly number[];
  readonly folders: Readonly<Record<string, { readonly verdict: 'accept' | 'reject' }>>;
}

const adapters = join(import.meta.dirname, 'adapters');
const { input_ids: input, folders }: Verdicts = readCase(join(adapters, 'verdicts.json'));
const expected = await readTensors(join(adapters, 'expected.safetensors'));
const language = await LanguageModel.open(tinyModels.llama, 'cpu');
after(() => language.close());

/** The last position's logits with the adapter of a folder. */
async function logitsWith(name: string): Promise<Float32Array> {
  const attached = await language.attach(await readAdapter(join(adapters, name), language.model));
  const [[logits] = []] = await (await attached.decode(1)).advance([input]);
  return logits!;
}

/** What is refused, and the words that say why. */
const refused: Readonly<Record<string, RegExp>> = {
  'prompt-rows-mismatch': /tensor prompt_embeddings is \[6, 48\]; with .* it must be \[7, 48\]/,
  'prompt-token_dim-mismatch': /adapter_config\.json: token_dim is 56; the model's embeddings have 48/,
  'prompt-no-num_virtual_tokens': /tensor prompt_embeddings is \[6, 48\]/,
  'prompt-wrong-tensor-name': /tensor prompt_embeddings is missing/,
  'prefix-wrong-width': /tensor prompt_embeddings is \[4, 140\]; with .* it must be \[4, 144\]/,
  // PEFT ignores a tensor that belongs nowhere; that is how a wrong file goes unnoticed.
  'prompt-extra-tensor': /tensor other has no meaning/,
};

for (const name of readdirSync(adapters).filter((folder) => /^(prompt|prefix)-/.test(folder))) {
  const pattern = refused[name];
  if (pattern !== undefined) {
    test(`refuses ${name}`, async () => {
      await assert.rejects(readAdapter(join(adapters, name), language.model), (error) => {
        assert.ok(SoftpromptError.is(error), String(error));
        assert.match(error.message, pattern);
        return true;
      });
    });
    continue;
  }
  test(`applies ${name} as PEFT does`, async () => {
    assert.equal(folders[name]?.verdict, 'accept');
    // Without a task_type PEFT loads the adapter and then leaves it out; what was trained is applied here.
    const meant = name === 'prompt-no-task_type' ? 'prompt-reference' : name;
    assert.ok(largestError(await logitsWith(name), expected.get(meant)!.data) <= 1e-4);
  });
}
