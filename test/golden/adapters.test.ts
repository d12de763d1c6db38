import assert from 'node:assert/strict';
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
  'lora-config-not-json': /adapter_config\.json, line 1, column 22: not valid JSON/,
  'lora-config-trailing-comma': /adapter_config\.json, line 1, column 996: not valid JSON/,
  'lora-lowercase-peft_type': /peft_type lora is not supported/,
  'lora-missing-peft_type': /adapter_config\.json has no peft_type/,
  'lora-missing-r': /lora_A\.weight is \[4, 48\]; with .* it must be \[8, 48\]/,
  'lora-no-config': /has no adapter_config\.json/,
  'lora-no-weights': /has no adapter_model\.safetensors/,
  'lora-r-string': /r is "4"; a whole number is expected/,
  'lora-rank_pattern-mismatch': /lora_A\.weight is \[4, 48\]; with .* it must be \[5, 48\]/,
  'lora-target-none-match': /no layer of the model is called nothing_here/,
  'lora-transposed': /lora_B\.weight is \[4, 48\]; with .* it must be \[48, 4\]/,
  'lora-unknown-peft_type': /peft_type FOO is not supported/,
  'lora-wrong-shape': /lora_A\.weight is \[5, 48\]; with .* it must be \[4, 48\]/,
  // PEFT ignores a tensor that belongs nowhere, and makes up one that is missing; that is how a wrong file goes unnoticed.
  'prompt-extra-tensor': /tensor other has no meaning/,
  'lora-extra-tensor': /tensor .*\.layers\.99\.self_attn\.q_proj\.lora_A\.weight has no meaning/,
  'lora-no-prefix': /lora_A\.weight is missing/,
  'lora-empty-tensors': /lora_A\.weight is missing/,
  'lora-missing-one-lora_B': /lora_B\.weight is missing/,
  'dora-magnitude-missing': /lora_magnitude_vector is missing/,
  'dora-flag-missing': /lora_magnitude_vector has no meaning/,
};

for (const name of Object.keys(folders)) {
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
