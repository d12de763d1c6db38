import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { writeSafetensors } from '../../src/checkpoint/tensorWriting.ts';
import { LossRunner } from '../../src/inference/lossRunner.ts';
import { baseModel } from '../../src/methods/table.ts';
import { openModel } from '../../src/models/model.ts';
import { joined, largestError, readCase, readTensors, tinyModels } from '../golden/reference.ts';
import { drawnRows } from './drawn.ts';

/** Two ways to compute the same thing in float32: sums are taken in another order. */
const tolerance = 1e-5;

type Tensors = Awaited<ReturnType<typeof readTensors>>;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'equivalent-models-'));
});
after(() => rm(folder, { recursive: true }));

/** What a model of these tensors scores. */
async function scoresOf(config: JsonObject, tensors: Tensors): Promise<Float32Array> {
  const dir = await mkdtemp(join(folder, 'model-'));
  await writeFile(join(dir, 'config.json'), JSON.stringify(config));
  const data = [...tensors].map(([name, { shape, data }]) => ({ name, dtype: 'F32', shape, data }) as const);
  await writeSafetensors(join(dir, 'model.safetensors'), data);
  const model = await openModel(dir);
  const runner = await LossRunner.create(model, baseModel, 'cpu', false);
  const { logprobs } = await runner.run(drawnRows(model, 4), new Map());
  await runner.close();
  return joined(logprobs);
}

const configOf = (dir: string) => readCase<JsonObject>(join(dir, 'config.json'));
const tensorsOf = (dir: string) => readTensors(join(dir, 'model.safetensors'));

/** A matrix with its axes exchanged. */
function transposed({ shape, data }: { shape: readonly number[]; data: Float32Array }) {
  const [rows = 0, columns = 0] = shape;
  const turned = Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
  return { shape: [columns, rows], data: turned };
}

test('GPT-NeoX with one sub-block after the other, where nothing rotates, is GPT-2 without positions', async () => {
  const config = configOf(tinyModels.gptNeox);
  const [hidden, heads, rotated] = [64, 4, 4];
  const headDim = hidden / heads;
  const neox = await tensorsOf(tinyModels.gptNeox);
  const gpt2: Tensors = new Map([
    ['transformer.wte.weight', neox.get('gpt_neox.embed_in.weight')!],
    ['transformer.wpe.weight', { shape: [128, hidden], data: new Float32Array(128 * hidden) }],
    ['transformer.ln_f.weight', neox.get('gpt_neox.final_layer_norm.weight')!],
    ['transformer.ln_f.bias', neox.get('gpt_neox.final_layer_norm.bias')!],
    ['lm_head.weight', neox.get('embed_out.weight')!],
  ]);
  for (const layer of [0, 1]) {
    for (const kind of ['weight', 'bias']) {
      const { data } = neox.get(`gpt_neox.layers.${layer}.attention.query_key_value.${kind}`)!;
      const width = data.length / (3 * hidden);
      const row = (head: number, part: number, dim: number) => ((head * 3 + part) * headDim + dim) * width;
      // What rotates is zero in queries and keys.
      for (let head = 0; head < heads; head++) {
        for (const part of [0, 1]) data.fill(0, row(head, part, 0), row(head, part, rotated));
      }
      // Rows of a head lie together there, rows of queries, keys and values here.
      const apart = Array.from({ length: 3 * hidden }, (_, to) => {
        const [part, within] = [Math.floor(to / hidden), to % hidden];
        const from = row(Math.floor(within / headDim), part, within % headDim);
        return data.subarray(from, from + width);
      });
      const fused = { shape: [3 * hidden, width], data: joined(apart) };
      gpt2.set(
        `transformer.h.${layer}.attn.c_attn.${kind}`,
        kind === 'weight' ? transposed(fused) : { shape: [3 * hidden], data: fused.data },
      );
      for (const [theirs, ours] of [
        ['input_layernorm', 'ln_1'],
        ['attention.dense', 'attn.c_proj'],
        ['post_attention_layernorm', 'ln_2'],
        ['mlp.dense_h_to_4h', 'mlp.c_fc'],
        ['mlp.dense_4h_to_h', 'mlp.c_proj'],
      ]) {
        const tensor = neox.get(`gpt_neox.layers.${layer}.${theirs}.${kind}`)!;
        gpt2.set(`transformer.h.${layer}.${ours}.${kind}`, tensor.shape.length === 2 ? transposed(tensor) : tensor);
      }
    }
  }
  const gpt2Config = {
    ...{ model_type: 'gpt2', n_embd: hidden, n_layer: 2, n_head: heads, n_inner: 128, n_positions: 128 },
    ...{ vocab_size: 144, activation_function: 'gelu', tie_word_embeddings: false },
  };
  const sequential = await scoresOf({ ...config, use_parallel_residual: false }, neox);
  assert.ok(largestError(sequential, await scoresOf(gpt2Config, gpt2)) <= tolerance);
  assert.ok(largestError(sequential, await scoresOf({ ...config, use_parallel_residual: true }, neox)) > 0.01);
});

test('OPT without biases is OPT with biases of zero', async () => {
  const config = configOf(tinyModels.opt);
  const tensors = await tensorsOf(tinyModels.opt);
  const biased = await scoresOf(config, tensors);
  const bias = /(proj|fc1|fc2)\.bias$/;
  for (const [name, { data }] of tensors) if (bias.test(name)) data.fill(0);
  const without = new Map([...tensors].filter(([name]) => !bias.test(name)));
  const unbiased = await scoresOf({ ...config, enable_bias: false }, without);
  assert.ok(largestError(unbiased, await scoresOf(config, tensors)) <= tolerance);
  assert.ok(largestError(unbiased, biased) > 0.01);
});
