import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gguf } from '@huggingface/gguf';
import { drawnAdapter } from '../../test/engine/drawn.ts';
import { tinyModels } from '../../test/golden/reference.ts';
import type { FloatType } from '../checkpoint/floatTypes.ts';
import { writeGguf } from '../checkpoint/gguf.ts';
import { widenBFloat16, widenFloat16 } from '../checkpoint/halfPrecision.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { openModel } from '../models/model.ts';
import type { StoredAdapter } from './adapter.ts';
import { loraGguf } from './loraGguf.ts';

const dir = await mkdtemp(join(tmpdir(), 'gguf-'));
after(() => rm(dir, { recursive: true }));

const drawn = { peft_type: 'LORA', r: 3, init_lora_weights: false, target_modules: 'all-linear' };

async function stored(folder: string, config: JsonObject): Promise<{ adapter: StoredAdapter; model: Model }> {
  const model = await openModel(folder);
  return { adapter: { ...(await drawnAdapter(model, 1, config)), dir: 'drawn', bytes: 0 }, model };
}
type Model = Awaited<ReturnType<typeof openModel>>;

/** What lies in the file an adapter is written to, as Hugging Face's reader finds it. */
async function written(adapter: StoredAdapter, model: Model, type: FloatType = 'F32') {
  const file = join(dir, 'adapter.gguf');
  const { metadata, tensors } = loraGguf(adapter, model, type);
  await writeGguf(file, metadata, tensors);
  const found = await gguf(file, { allowLocalFile: true });
  const bytes = await readFile(file);
  const start = Number(found.tensorDataOffset);
  assert.equal(start % 32, 0);
  const read = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const { name, shape, offset, dtype } of found.tensorInfos) {
    assert.equal(Number(offset) % 32, 0);
    const sizes = shape.map(Number).reverse();
    const data = new Float32Array(sizes.reduce((a, b) => a * b));
    const from = bytes.subarray(start + Number(offset));
    const piece = (width: number) => Uint8Array.from(from.subarray(0, width * data.length)).buffer;
    assert.equal(dtype, { F32: 0, F16: 1, BF16: 30 }[type]);
    if (type === 'F32') data.set(new Float32Array(piece(4)));
    else (type === 'F16' ? widenFloat16 : widenBFloat16)(new Uint16Array(piece(2)), data);
    read.set(name, { shape: sizes, data });
  }
  return { metadata: found.metadata as unknown as Record<string, unknown>, tensors: read };
}

/** s B A of a path, `[out, in]`, in double precision. */
function product(a: Float32Array, b: Float32Array, rank: number, scale: number): Float64Array {
  const [outs, ins] = [b.length / rank, a.length / rank];
  return Float64Array.from({ length: outs * ins }, (_, at) => {
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += b[Math.floor(at / ins) * rank + r]! * a[r * ins + (at % ins)]!;
    return scale * sum;
  });
}

/** Rows of a layer in the file by rows of the checkpoint, by a second way of saying it; absent: as they stood. */
type RowOf = (row: number, outs: number) => number;
/** The halves of a head that Hugging Face rotates against each other lie side by side in llama.cpp's. */
const neighbours =
  (headDim: number): RowOf =>
  (row) => {
    const [head, within] = [Math.floor(row / headDim), row % headDim];
    const half = headDim / 2;
    return head * headDim + (within < half ? 2 * within : 2 * (within - half) + 1);
  };
/** Each head's query, key and value stand together in Hugging Face's, apart in llama.cpp's. */
const apart =
  (headDim: number): RowOf =>
  (row, outs) => {
    const [head, rest] = [Math.floor(row / (3 * headDim)), row % (3 * headDim)];
    return Math.floor(rest / headDim) * (outs / 3) + head * headDim + (rest % headDim);
  };

const models: readonly (readonly [keyof typeof tinyModels, string, Readonly<Record<string, string>>])[] = [
  ['gpt2', 'gpt2', { 'transformer.h.1.attn.c_attn': 'blk.1.attn_qkv', 'transformer.h.0.mlp.c_proj': 'blk.0.ffn_down' }],
  [
    'llama',
    'llama',
    { 'model.layers.1.self_attn.q_proj': 'blk.1.attn_q', 'model.layers.0.mlp.gate_proj': 'blk.0.ffn_gate' },
  ],
  ['mistral', 'llama', { 'model.layers.1.self_attn.o_proj': 'blk.1.attn_output' }],
  ['smollm3', 'smollm3', { 'model.layers.1.self_attn.k_proj': 'blk.1.attn_k' }],
  ['qwen2', 'qwen2', { 'model.layers.1.self_attn.q_proj': 'blk.1.attn_q' }],
  ['qwen3', 'qwen3', { 'model.layers.1.mlp.down_proj': 'blk.1.ffn_down' }],
  [
    'olmo2',
    'olmo2',
    { 'model.layers.1.self_attn.q_proj': 'blk.1.attn_q', 'model.layers.1.self_attn.o_proj': 'blk.1.attn_output' },
  ],
  ['gemma', 'gemma', { 'model.layers.0.self_attn.v_proj': 'blk.0.attn_v' }],
  ['gemma2', 'gemma2', { 'model.layers.0.mlp.up_proj': 'blk.0.ffn_up' }],
  ['gemma3', 'gemma3', { 'model.layers.0.self_attn.q_proj': 'blk.0.attn_q' }],
  ['phi', 'phi2', { 'model.layers.0.self_attn.dense': 'blk.0.attn_output', 'model.layers.1.mlp.fc1': 'blk.1.ffn_up' }],
  [
    'phi3',
    'phi3',
    { 'model.layers.0.self_attn.qkv_proj': 'blk.0.attn_qkv', 'model.layers.1.mlp.gate_up_proj': 'blk.1.ffn_up' },
  ],
  ['gptNeox', 'gptneox', { 'gpt_neox.layers.0.attention.query_key_value': 'blk.0.attn_qkv' }],
];

for (const [key, architecture, names] of models) {
  test(`${key}: llama.cpp's names and shapes, and what its scale makes of them is the adapter's change`, async () => {
    const { adapter, model } = await stored(tinyModels[key], { ...drawn, lora_alpha: 5 });
    const { metadata, tensors } = await written(adapter, model);
    assert.equal(metadata['general.architecture'], architecture);
    assert.equal(metadata['general.type'], 'adapter');
    assert.equal(metadata['adapter.type'], 'lora');
    assert.equal(tensors.size, adapter.tensors.size);
    const { headDim } = model.architecture.sizes;
    for (const [path, name] of Object.entries(names)) {
      const a = tensors.get(`${name}.weight.lora_a`)!;
      const b = tensors.get(`${name}.weight.lora_b`)!;
      const given = (side: 'A' | 'B') => adapter.tensors.get(`base_model.model.${path}.lora_${side}.weight`)!;
      const [ins, outs] = [given('A').length / 3, given('B').length / 3];
      assert.deepEqual(
        [a.shape, b.shape],
        [
          [3, ins],
          [outs, 3],
        ],
      );
      const found = product(a.data, b.data, 3, (metadata['adapter.lora.alpha'] as number) / 3);
      const want = product(given('A'), given('B'), 3, 5 / 3);
      const isRotated = /self_attn\.[qk]_proj/.test(path) && ['llama', 'mistral', 'smollm3'].includes(key);
      const rowOf = isRotated ? neighbours(headDim) : key === 'gptNeox' ? apart(headDim) : (row: number) => row;
      for (let row = 0; row < outs; row++) {
        const at = rowOf(row, outs) * ins;
        assert.deepEqual(found.slice(at, at + ins), want.slice(row * ins, (row + 1) * ins), `${path} row ${row}`);
      }
    }
  });
}

describe('scaling', () => {
  const cases = {
    rsLoRA: { use_rslora: true, lora_alpha: 6 },
    'rsLoRA of unequal ranks': { use_rslora: true, rank_pattern: { k_proj: 2 } },
    'ranks and alphas of their own': { rank_pattern: { q_proj: 5 }, alpha_pattern: { v_proj: 3, o_proj: 0 } },
    'an alpha of 0 first': { lora_alpha: 4, alpha_pattern: { q_proj: 0 } },
    'no alpha at all': { lora_alpha: 0 },
  } as const satisfies Record<string, JsonObject>;
  for (const [name, more] of Object.entries(cases)) {
    test(name, async () => {
      const config: JsonObject = { ...drawn, ...more };
      const { adapter, model } = await stored(tinyModels.qwen2, config);
      const { metadata, tensors } = await written(adapter, model);
      const alpha = metadata['adapter.lora.alpha'] as number;
      // llama.cpp takes an alpha of 0 for a scale of 1.
      assert.notEqual(alpha, 0);
      const get = (key: string, module: string) => (config[key] as Record<string, number> | undefined)?.[module];
      for (const [module, short] of [
        ['q_proj', 'attn_q'],
        ['k_proj', 'attn_k'],
        ['v_proj', 'attn_v'],
        ['o_proj', 'attn_output'],
      ] as const) {
        const a = tensors.get(`blk.1.${short}.weight.lora_a`)!;
        const b = tensors.get(`blk.1.${short}.weight.lora_b`)!;
        const rank = a.shape[0]!;
        const given = (side: string) =>
          adapter.tensors.get(`base_model.model.model.layers.1.self_attn.${module}.lora_${side}.weight`)!;
        assert.equal(rank, get('rank_pattern', module) ?? 3);
        const ownAlpha = get('alpha_pattern', module) ?? (config.lora_alpha as number | undefined) ?? 8;
        const scale = ownAlpha / (config.use_rslora === true ? Math.sqrt(rank) : rank);
        const want = product(given('A'), given('B'), rank, scale);
        // alpha is stored as a float32, and so is B where it took a factor.
        const found = product(a.data, b.data, rank, alpha / rank);
        for (const [i, x] of want.entries()) assert.ok(Math.abs(found[i]! - x) <= 1e-6 * Math.max(1, Math.abs(x)));
      }
    });
  }
});

test('ADALORA lies in the file as the LORA that it is', async () => {
  const { adapter, model } = await stored(tinyModels.qwen2, {
    ...{ peft_type: 'ADALORA', init_r: 3, init_lora_weights: false, target_modules: 'all-linear' },
  });
  const at = 'base_model.model.model.layers.1.self_attn.q_proj';
  adapter.tensors.get(`${at}.lora_E`)![1] = 0;
  const cut = { ...adapter, ...adapter.method.stored!(adapter.tensors) };
  const { metadata, tensors } = await written(cut, model);
  const [a, b] = ['lora_a', 'lora_b'].map((side) => tensors.get(`blk.1.attn_q.weight.${side}`)!);
  assert.deepEqual([a!.shape[0], b!.shape[1]], [2, 2]);
  const [given, e] = [adapter.tensors.get(`${at}.lora_B`)!, adapter.tensors.get(`${at}.lora_E`)!];
  const scaled = given.map((x, i) => x * e[i % 3]!);
  const want = product(adapter.tensors.get(`${at}.lora_A`)!, scaled, 3, 8 / (3 + 1e-5));
  const found = product(a!.data, b!.data, 2, (metadata['adapter.lora.alpha'] as number) / 2);
  for (const [i, x] of want.entries()) assert.ok(Math.abs(found[i]! - x) <= 1e-6 * Math.max(1, Math.abs(x)));
});

test('half the bytes in f16 and bf16, rounded, and the adapter as written says what they are', async () => {
  const { adapter, model } = await stored(tinyModels.gpt2, drawn);
  for (const type of ['F16', 'BF16'] as const) {
    const { tensors } = await written(adapter, model, type);
    const { asWritten } = loraGguf(adapter, model, type);
    const name = 'transformer.h.0.attn.c_attn';
    assert.deepEqual(
      tensors.get('blk.0.attn_qkv.weight.lora_b')!.data,
      asWritten.tensors.get(`base_model.model.${name}.lora_B.weight`),
    );
  }
});

describe('what has no GGUF form is refused, and says what it is', () => {
  const cases: readonly (readonly [string, JsonObject, RegExp])[] = [
    ['llama', { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4 }, /PROMPT_TUNING: llama.cpp reads LORA alone/],
    ['llama', { peft_type: 'IA3' }, /IA3/],
    ['llama', { ...drawn, use_dora: true }, /use_dora/],
    ['llama', { ...drawn, modules_to_save: ['lm_head'] }, /base_model\.model\.lm_head\.weight: two matrices/],
    ['gpt2', { ...drawn, bias: 'lora_only' }, /base_layer\.bias: two matrices/],
    ['llama', { ...drawn, target_modules: ['embed_tokens', 'q_proj'] }, /lora_embedding_A: two matrices/],
    ['opt', drawn, /a model of type opt: llama.cpp's names are known for gemma, /],
  ];
  for (const [key, config, pattern] of cases) {
    test(`${key} ${JSON.stringify(config)}`, async () => {
      const { adapter, model } = await stored(tinyModels[key as keyof typeof tinyModels], config);
      assert.throws(
        () => loraGguf(adapter, model, 'F32'),
        (error) => SoftpromptError.is(error, 'option-invalid') && pattern.test(error.message),
      );
    });
  }
});
