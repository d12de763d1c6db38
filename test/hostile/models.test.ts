import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { readSafetensorsHeader } from '../../src/checkpoint/safetensors.ts';
import { readTensorBytes } from '../../src/checkpoint/tensorReading.ts';
import { type TensorData, writeSafetensors } from '../../src/checkpoint/tensorWriting.ts';
import { type ErrorReason, SoftpromptError } from '../../src/foundation/errors.ts';
import { scoreAnswers } from '../../src/inference/choose.ts';
import { generate } from '../../src/inference/generate.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { Reading } from '../../src/inference/reading.ts';
import { openModel } from '../../src/models/model.ts';
import { drawnPrompt } from '../engine/drawn.ts';
import { tinyModels } from '../golden/reference.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hostile-model-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Refused for this reason, in words that match. */
const refused = (reason: ErrorReason, pattern: RegExp) => (error: unknown) => {
  assert.ok(SoftpromptError.is(error, reason), String(error));
  assert.match(error.message, pattern);
  return true;
};

/** A model with other values in its config.json (undefined: without the key) and other tensors. */
async function changed(
  source: string,
  config: Readonly<Record<string, JsonObject[string] | undefined>>,
  change: (tensors: TensorData[]) => TensorData[] = (tensors) => tensors,
): Promise<string> {
  const json = JSON.parse(await readFile(join(source, 'config.json'), 'utf8'));
  await writeFile(join(dir, 'config.json'), JSON.stringify({ ...json, ...config }));
  const { tensors } = await readSafetensorsHeader(join(source, 'model.safetensors'));
  const read = [...tensors.values()].map(async (info) => ({ ...info, data: await readTensorBytes(info) }));
  await writeSafetensors(join(dir, 'model.safetensors'), change(await Promise.all(read)));
  return dir;
}

test('an architecture that is not known is refused by its name', async () => {
  for (const modelType of ['mamba', 'toString']) {
    await assert.rejects(
      openModel(await changed(tinyModels.gpt2, { model_type: modelType })),
      refused('architecture-unknown', new RegExp(`config\\.json: model_type "${modelType}" .* gpt2, .*llama`)),
    );
  }
});

test('config.json with values that cannot be is refused with the key', async () => {
  const { gpt2, llama, gptNeox, opt, phi, gemma, gemma2, gemma3 } = tinyModels;
  for (const [source, config, pattern] of [
    [gpt2, { model_type: undefined }, /model_type/],
    [gpt2, { n_embd: '40' }, /n_embd/],
    [gpt2, { n_embd: 40.5 }, /n_embd/],
    [gpt2, { n_head: 7 }, /n_head/],
    [gpt2, { n_head: 0 }, /n_head/],
    [gpt2, { n_layer: -1 }, /n_layer/],
    [gpt2, { n_layer: 1e12 }, /n_layer/],
    [gpt2, { n_positions: 0 }, /n_positions/],
    [gpt2, { activation_function: 'constructor' }, /activation_function is "constructor"; supported are gelu/],
    [llama, { num_key_value_heads: 3 }, /num_key_value_heads/],
    [llama, { num_key_value_heads: 0 }, /num_key_value_heads/],
    [llama, { head_dim: 7 }, /head_dim is 7; .* even/],
    [llama, { head_dim: undefined, num_attention_heads: 7, num_key_value_heads: 7 }, /head_dim is 6\.857/],
    [
      llama,
      { rope_parameters: { rope_type: 'proportional', rope_theta: 10_000 } },
      /rope_type is "proportional"; .* llama3/,
    ],
    [llama, { rope_parameters: { rope_type: 'valueOf', rope_theta: 10_000 } }, /rope_type is "valueOf"/],
    [llama, { rope_parameters: { rope_type: 'linear' } }, /factor/],
    [llama, { rope_parameters: { rope_type: 'linear', factor: 0 } }, /factor is 0; it must be above 0/],
    [llama, { rope_parameters: 'linear' }, /rope_parameters/],
    [gptNeox, { num_attention_heads: 7 }, /num_attention_heads is 7, which does not divide hidden_size \(64\)/],
    [gptNeox, { rotary_pct: 0 }, /rotary_pct is 0; of the 16 dimensions of a head, 2 or more must rotate/],
    [gptNeox, { rotary_pct: 1.5 }, /rotary_pct is 1\.5/],
    [gptNeox, { rotary_pct: 0.2 }, /head_dim is 16, of which 3 rotate; .* even/],
    [gptNeox, { use_parallel_residual: 'yes' }, /use_parallel_residual/],
    [opt, { num_attention_heads: 7 }, /num_attention_heads is 7, which does not divide hidden_size \(48\)/],
    [opt, { layer_norm_elementwise_affine: false }, /layer_norm_elementwise_affine is false/],
    [opt, { word_embed_proj_dim: 0 }, /word_embed_proj_dim/],
    [phi, { qk_layernorm: true }, /qk_layernorm is true/],
    [phi, { num_key_value_heads: 3 }, /num_key_value_heads is 3, which does not divide the 4/],
    [gemma, { use_bidirectional_attention: true }, /use_bidirectional_attention is true; only causal/],
    [gemma, { hidden_activation: 'softmax' }, /hidden_activation is "softmax"/],
    [gemma2, { attn_logit_softcapping: 0 }, /attn_logit_softcapping is 0; it must be above 0, or null/],
    [gemma2, { final_logit_softcapping: '30' }, /final_logit_softcapping/],
    [gemma2, { query_pre_attn_scalar: 0 }, /query_pre_attn_scalar/],
    [
      gemma3,
      { rope_parameters: { rope_type: 'default', rope_theta: 1e6 } },
      /rope_parameters\.full_attention is missing/,
    ],
    [gemma3, { layer_types: undefined, sliding_window_pattern: 0 }, /sliding_window_pattern/],
  ] as const) {
    await assert.rejects(openModel(await changed(source, config)), (error) => {
      assert.ok(error instanceof Error && error.message.includes(join(dir, 'config.json')), String(error));
      return refused('config-key', pattern)(error);
    });
  }
});

test('weights that do not fit config.json are refused with file and tensor', async () => {
  const { gpt2 } = tinyModels;
  const bias = 'transformer.h.1.mlp.c_fc.bias';
  const without = (tensors: TensorData[]) => tensors.filter(({ name }) => name !== bias);
  await assert.rejects(
    openModel(await changed(gpt2, {}, without)),
    refused('weight-missing', /model\.safetensors: tensor transformer\.h\.1\.mlp\.c_fc\.bias \[160\] is missing/),
  );
  const extra = { name: 'transformer.h.0.attn.lora_A', dtype: 'F32', shape: [1], data: Float32Array.of(1) } as const;
  await assert.rejects(
    openModel(await changed(gpt2, {}, (tensors) => [...tensors, extra])),
    refused('weight-surplus', /model\.safetensors: tensor transformer\.h\.0\.attn\.lora_A has no place/),
  );
  const flat = { name: bias, dtype: 'F32', shape: [159], data: new Float32Array(159) } as const;
  await assert.rejects(
    openModel(await changed(gpt2, {}, (tensors) => [...without(tensors), flat])),
    refused(
      'weight-shape',
      /model\.safetensors: tensor transformer\.h\.1\.mlp\.c_fc\.bias is \[159\], config\.json asks for \[160\]/,
    ),
  );
  await assert.rejects(
    openModel(await changed(gpt2, { n_layer: 1 })),
    refused('weight-surplus', /tensor transformer\.h\.1\./),
  );
  const whole = { name: bias, dtype: 'I32', shape: [160], data: new Uint8Array(640) } as const;
  await assert.rejects(
    openModel(await changed(gpt2, {}, (tensors) => [...without(tensors), whole])),
    refused(
      'tensor-unusable',
      /model\.safetensors, tensor "transformer\.h\.1\.mlp\.c_fc\.bias": is I32; weights must be F32/,
    ),
  );
});

test('a head that config.json calls separate must be there', async () => {
  await assert.rejects(
    openModel(await changed(tinyModels.tiedLlama, { tie_word_embeddings: false })),
    refused('weight-missing', /tensor lm_head\.weight/),
  );
});

test('a folder without its weights is refused, a pickle is never opened', async () => {
  await cp(tinyModels.sharded, dir, { recursive: true });
  await rm(join(dir, 'model-00002-of-00003.safetensors'));
  await assert.rejects(
    openModel(dir),
    refused('checkpoint-unusable', /lacks 1 of its 3 weight files: model-00002-of-00003\.safetensors/),
  );
  await rm(dir, { recursive: true });
  await cp(tinyModels.gpt2, dir, { recursive: true });
  await rename(join(dir, 'model.safetensors'), join(dir, 'pytorch_model.bin'));
  await assert.rejects(openModel(dir), refused('checkpoint-unusable', /pytorch_model\.bin, a pickle file/));
  await rm(join(dir, 'pytorch_model.bin'));
  await assert.rejects(openModel(dir), refused('checkpoint-unusable', /has no weights/));
});

test('an adapter given as a model, and a folder that is not there, are called what they are', async () => {
  const adapter = join(import.meta.dirname, '../golden/adapters/prompt-reference');
  await assert.rejects(openModel(adapter), refused('checkpoint-unusable', /is an adapter, not a model/));
  await assert.rejects(openModel(join(dir, 'nowhere')), refused('file-missing', /nowhere/));
});

const language = await LanguageModel.open(tinyModels.gpt2, 'cpu');
after(() => language.close());
const { maxPositions } = language.model.architecture.sizes;
const greedy = { maxNewTokens: 1000, stopIds: [], sampling: null, signal: new AbortController().signal };
const words = (count: number) => new Array<number>(count).fill(7);

test('an empty prompt, and one that leaves no room, are refused with the numbers', async () => {
  const base = await language.attach(null);
  const soft = await language.attach(await drawnPrompt(language.model, 1));
  const none = new RegExp(`0 tokens.*${maxPositions} positions.*not empty`);
  await assert.rejects(generate(base, [words(3), []], greedy), refused('prompt-length', none));
  await assert.rejects(Reading.of(base, [[]]), refused('prompt-length', none));
  const long = new RegExp(`${maxPositions} tokens; the model has ${maxPositions} positions`);
  await assert.rejects(generate(base, [words(maxPositions)], greedy), refused('prompt-length', long));
  const longSoft = new RegExp(`${maxPositions - 4} tokens \\(and 4 more positions are taken\\)`);
  await assert.rejects(generate(soft, [words(maxPositions - 4)], greedy), refused('prompt-length', longSoft));
  const reading = await Reading.of(soft, [words(maxPositions - 5)]);
  const answers = [[1], [2, 3, 4]];
  await assert.rejects(scoreAnswers(reading, answers, greedy.signal), refused('prompt-length', /positions/));
});

test('a token that the model does not have is refused where it is given', async () => {
  const base = await language.attach(null);
  const { vocabulary } = language.model.architecture.sizes;
  const beyond = new RegExp(`${vocabulary} is no token`);
  await assert.rejects(generate(base, [[1], [2, vocabulary]], greedy), refused('token-unknown', beyond));
  const reading = await Reading.of(base, [[1]]);
  await assert.rejects(scoreAnswers(reading, [[vocabulary]], greedy.signal), refused('token-unknown', beyond));
});

test('generation ends where the positions end', async () => {
  const soft = await language.attach(await drawnPrompt(language.model, 1));
  const [tokens] = await generate(soft, [words(5)], greedy);
  assert.equal(tokens!.length, maxPositions - 4 - 5 + 1, 'the last position predicts one more token');
});
