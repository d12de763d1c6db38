import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { LossRunner } from '../../src/inference/lossRunner.ts';
import { baseModel } from '../../src/methods/table.ts';
import { openModel } from '../../src/models/model.ts';
import { tinyModels } from '../golden/reference.ts';
import { drawnRows } from './drawn.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-forms-'));
});
after(() => rm(folder, { recursive: true }));

/** What a model scores when its config.json has other keys; undefined takes one out. */
async function scoresWith(source: string, keys: Readonly<Record<string, JsonObject[string] | undefined>>) {
  const dir = join(folder, 'model');
  await cp(source, dir, { recursive: true });
  const json = JSON.parse(await readFile(join(source, 'config.json'), 'utf8'));
  await writeFile(join(dir, 'config.json'), JSON.stringify({ ...json, ...keys }));
  const model = await openModel(dir);
  const runner = await LossRunner.create(model, baseModel, 'cpu', false);
  const { logprobs } = await runner.run(drawnRows(model, 3), new Map());
  await runner.close();
  return logprobs;
}

test('rotary keys from before transformers 5 mean what those of today do', async () => {
  const gone = { rope_parameters: undefined };
  const { gemma3, gptNeox, phi } = tinyModels;
  for (const [source, before, since, other] of [
    [
      gemma3,
      {
        ...{ ...gone, layer_types: undefined, sliding_window_pattern: 2 },
        ...{ rope_theta: 1e6, rope_local_base_freq: 1e4, rope_scaling: { rope_type: 'linear', factor: 8 } },
      },
      {},
      { ...gone, rope_theta: 1e6, rope_local_base_freq: 1e5, rope_scaling: { rope_type: 'linear', factor: 8 } },
    ],
    [
      gptNeox,
      { rotary_emb_base: 500, rotary_pct: 0.5 },
      {
        ...{ rotary_emb_base: undefined, rotary_pct: undefined },
        rope_parameters: { rope_type: 'default', rope_theta: 500, partial_rotary_factor: 0.5 },
      },
      {},
    ],
    [
      phi,
      { rope_theta: 500, partial_rotary_factor: 0.25 },
      { rope_parameters: { rope_type: 'default', rope_theta: 500, partial_rotary_factor: 0.25 } },
      {},
    ],
  ] as const) {
    const scores = await scoresWith(source, before);
    assert.deepEqual(scores, await scoresWith(source, since));
    assert.notDeepEqual(scores, await scoresWith(source, other));
  }
});

test('keys left out mean what transformers takes for them', async () => {
  const { gptNeox, opt, phi, gemma, gemma2, gemma3 } = tinyModels;
  for (const [source, keys] of [
    [gptNeox, { rotary_pct: 0.25, rotary_emb_base: 10_000, use_parallel_residual: true, layer_norm_eps: 1e-5 }],
    [opt, { activation_function: 'relu', enable_bias: true, tie_word_embeddings: true }],
    [phi, { rope_theta: 10_000, partial_rotary_factor: 0.5, hidden_act: 'gelu_new', num_key_value_heads: 4 }],
    [gemma, { hidden_activation: 'gelu_pytorch_tanh', tie_word_embeddings: true, rms_norm_eps: 1e-6 }],
    [gemma2, { query_pre_attn_scalar: 256, attn_logit_softcapping: 50, final_logit_softcapping: 30 }],
    [gemma3, { query_pre_attn_scalar: 256, attn_logit_softcapping: null, final_logit_softcapping: null }],
  ] as const) {
    const without = Object.fromEntries(Object.keys(keys).map((key) => [key, undefined]));
    assert.deepEqual(await scoresWith(source, without), await scoresWith(source, keys));
  }
});
