import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { readFloat32 } from '../../src/checkpoint/tensorReading.ts';
import { openWeights } from '../../src/checkpoint/weights.ts';
import { mergeModel } from '../../src/experiments/mergeModel.ts';
import { SoftpromptError } from '../../src/foundation/errors.ts';
import { writeAdapter } from '../../src/methods/adapter.ts';
import { openModel } from '../../src/models/model.ts';
import { tinyModels } from '../golden/reference.ts';
import { drawnAdapter, drawnMethods } from './drawn.ts';

const folder = mkdtempSync(join(tmpdir(), 'softprompt-'));
after(() => rmSync(folder, { recursive: true }));

let made = 0;
const fresh = (): string => join(folder, String(made++));
const going = new AbortController().signal;
const silent = (): void => undefined;

/** An adapter folder with the first tensors that a configuration draws. */
async function adapterOf(model: string, config: JsonObject): Promise<string> {
  const dir = fresh();
  await writeAdapter(dir, await drawnAdapter(await openModel(model), 1, config));
  return dir;
}

const everywhere = { target_modules: 'all-linear' };
const lora = { peft_type: 'LORA', r: 3, init_lora_weights: false, ...everywhere };

const withoutEffect: Readonly<Record<string, JsonObject>> = {
  'LORA with B = 0': { ...lora, init_lora_weights: true },
  'DoRA with B = 0 and the lengths there are': { ...lora, init_lora_weights: true, use_dora: true },
  'LORA with biases that were not trained': { ...lora, init_lora_weights: true, bias: 'lora_only' },
  'VERA with b = 0': { peft_type: 'VERA', r: 4, ...everywhere },
  'LOHA with its last factor 0': { peft_type: 'LOHA', r: 3, ...everywhere },
  'LOKR with its first factor 0': { peft_type: 'LOKR', r: 3, ...everywhere },
  'ADALORA with E = 0': { peft_type: 'ADALORA', init_r: 3, ...everywhere },
  'LN_TUNING before training': { peft_type: 'LN_TUNING', target_modules: '.*(norm|ln_)[^.]*' },
  'IA3 with factors 1': { peft_type: 'IA3', ...everywhere, feedforward_modules: '.*mlp.*' },
};

for (const [name, config] of Object.entries(withoutEffect)) {
  test(`${name}: merging gives back the bytes of the checkpoint, whatever its type`, async () => {
    for (const model of [tinyModels.gpt2, tinyModels.tiedLlama, bfloat16]) {
      const output = fresh();
      const adapter = await adapterOf(model, config);
      const result = await mergeModel({ model, adapter, output }, going, silent);
      assert.deepEqual(result.changed, []);
      assert.ok(result.logits.largest_change <= 5e-5, String(result.logits.largest_change));
      for (const file of ['model.safetensors', 'config.json']) {
        assert.ok(readFileSync(join(output, file)).equals(readFileSync(join(model, file))), file);
      }
    }
  });
}

const bfloat16 = join(import.meta.dirname, '../golden/peft021/models/llama-bf16-a');

for (const name of ['LOHA', 'LOKR', 'VERA', 'ADALORA'] as const) {
  test(`${name}: the merged checkpoint gives what the adapter beside it gives, transposed weights or not`, async () => {
    for (const model of [tinyModels.gpt2, tinyModels.llama]) {
      const request = { model, adapter: await adapterOf(model, drawnMethods[name]!), output: fresh() };
      const result = await mergeModel(request, going, silent);
      assert.ok(result.changed.length > 0);
      assert.ok(result.logits.largest_change <= 2e-4, String(result.logits.largest_change));
    }
  });
}

test('merging into 16-bit weights rounds what changes, and says how much that is', async () => {
  for (const [model, dtype, precision] of [
    [tinyModels.tiedLlama, 'F16', 2 ** -11],
    [bfloat16, 'BF16', 2 ** -8],
  ] as const) {
    const output = fresh();
    const result = await mergeModel({ model, adapter: await adapterOf(model, lora), output }, going, silent);
    assert.deepEqual(result.dtypes, [dtype]);
    const { largest, relative, relative_to_change: toChange } = result.rounding!;
    assert.ok(relative > precision / 10 && relative < precision, String(relative));
    assert.ok(toChange > relative && largest > 0);
    const [before, since] = [await openWeights(model), await openWeights(output)];
    const changed = new Set(result.changed);
    let differing = 0;
    for (const [name, info] of since.tensors) {
      assert.equal(info.dtype, before.tensors.get(name)!.dtype);
      const [is, was] = [await readFloat32(info), await readFloat32(before.tensors.get(name)!)];
      const same = is.every((x, i) => x === was[i]);
      assert.equal(same, !changed.has(name), name);
      if (!same) differing++;
    }
    assert.equal(differing, result.changed.length);
  }
});

test('a type that cannot hold a merged weight is an error that names the tensor, and nothing is left', async () => {
  const output = fresh();
  const adapter = await adapterOf(tinyModels.tiedLlama, { ...lora, lora_alpha: 1e8 });
  await assert.rejects(mergeModel({ model: tinyModels.tiedLlama, adapter, output }, going, silent), (error) => {
    return SoftpromptError.is(error, 'tensor-unusable') && /which F16 cannot/.test(error.message);
  });
  assert.ok(!existsSync(output));
  assert.ok(readdirSync(folder).every((name) => !name.endsWith('.tmp')));
});

test('weights above the size are spread over files with an index; all other files are copied, old weights are not', async () => {
  const model = fresh();
  mkdirSync(join(model, 'onnx'), { recursive: true });
  for (const name of readdirSync(tinyModels.sharded)) {
    writeFileSync(join(model, name), readFileSync(join(tinyModels.sharded, name)));
  }
  writeFileSync(join(model, 'tokenizer_config.json'), '{"a": 1}');
  writeFileSync(join(model, 'pytorch_model.bin'), 'old');
  writeFileSync(join(model, 'pytorch_model.bin.index.json'), '{}');
  const adapter = await adapterOf(model, lora);
  for (const [shardBytes, files] of [
    [undefined, 1],
    [60_000, 3],
  ] as const) {
    const output = fresh();
    mkdirSync(output);
    const request = { model, adapter, output, ...(shardBytes !== undefined && { shardBytes }) };
    const seen: string[] = [];
    await mergeModel(request, going, ({ written, tensors }) => seen.push(`${written}/${tensors}`));
    const names = readdirSync(output);
    assert.deepEqual(
      names.filter((name) => !name.startsWith('model')),
      ['config.json', 'tokenizer_config.json'],
    );
    assert.equal(names.filter((name) => name.endsWith('.safetensors')).length, files);
    const { tensors } = await openWeights(output);
    assert.deepEqual([...tensors.keys()].sort(), [...(await openWeights(model)).tensors.keys()].sort());
    assert.equal(seen.at(-1), `${tensors.size}/${tensors.size}`);
    if (files === 1) continue;
    const { metadata } = JSON.parse(readFileSync(join(output, 'model.safetensors.index.json'), 'utf8'));
    assert.deepEqual(metadata, JSON.parse(readFileSync(join(model, 'model.safetensors.index.json'), 'utf8')).metadata);
    for (const name of names.filter((file) => file.endsWith('.safetensors'))) {
      assert.ok(readFileSync(join(output, name)).length < 70_000, name);
    }
  }
});

test('what cannot be merged, or has no place to go, is refused with a reason; stopping leaves nothing', async () => {
  const model = tinyModels.gpt2;
  const refused = async (adapter: string, output: string, words: RegExp, signal = going): Promise<void> => {
    await assert.rejects(mergeModel({ model, adapter, output }, signal, silent), words);
  };
  const prompt = await adapterOf(model, { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4 });
  await refused(prompt, fresh(), /PROMPT_TUNING .* 4 virtual tokens/);
  const prefix = await adapterOf(model, { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 3 });
  await refused(prefix, fresh(), /PREFIX_TUNING .* 3 virtual tokens/);
  const adapter = await adapterOf(model, lora);
  const full = fresh();
  mkdirSync(full);
  writeFileSync(join(full, 'mine.txt'), 'x');
  await refused(adapter, full, /is not empty/);
  await refused(adapter, join(full, 'mine.txt'), /is a file/);
  await refused(adapter, join(full, 'mine.txt', 'deeper'), /mine\.txt is a file/);
  const stopped = fresh();
  await refused(adapter, stopped, /Cancelled/, AbortSignal.abort());
  assert.ok(!existsSync(stopped));
  assert.ok(readdirSync(folder).every((name) => !name.endsWith('.tmp')));
  writeFileSync(join(adapter, 'card.json'), JSON.stringify({ base: { model: 'other', fingerprint: 'x' } }));
  await refused(adapter, fresh(), /was trained on other/);
});

test('LORA beside a table that is the output head too leaves the head as it was, as a tensor of its own', async () => {
  for (const [model, module, table] of [
    [tinyModels.gpt2, 'wte', 'transformer.wte.weight'],
    [tinyModels.tiedLlama, 'embed_tokens', 'model.embed_tokens.weight'],
  ] as const) {
    const output = fresh();
    const adapter = await adapterOf(model, { ...lora, target_modules: [module] });
    const result = await mergeModel({ model, adapter, output }, going, silent);
    assert.deepEqual([result.changed, result.untied], [[table], true]);
    const { tensors } = await openWeights(output);
    const before = await readFloat32((await openWeights(model)).tensors.get(table)!);
    assert.deepEqual(await readFloat32(tensors.get('lm_head.weight')!), before);
    assert.notDeepEqual(await readFloat32(tensors.get(table)!), before);
    // The other one's table is rounded to float16 again.
    const tolerance = model === tinyModels.gpt2 ? 5e-5 : 0.05;
    assert.ok(result.logits.largest_change < tolerance, String(result.logits.largest_change));
  }
  const adapter = await adapterOf(tinyModels.llama, { ...lora, target_modules: ['q_proj'], lora_bias: true });
  await assert.rejects(
    mergeModel({ model: tinyModels.llama, adapter, output: fresh() }, going, silent),
    /has none to add/,
  );
});

test('a classifier that the checkpoint does not hold is not dropped without a word', async () => {
  const model = await openModel(tinyModels.llama, { task: 'seq_cls', classes: 3 });
  const adapter = fresh();
  await writeAdapter(
    adapter,
    await drawnAdapter(model, 1, { ...lora, task_type: 'SEQ_CLS', target_modules: ['q_proj'] }),
  );
  const request = { model: tinyModels.llama, adapter, output: fresh() };
  await assert.rejects(mergeModel(request, going, silent), /score\.weight, which the checkpoint does not hold/);
});

test('a head that is a tensor of its own where config.json ties it is said to be one', async () => {
  const model = fresh();
  mkdirSync(model);
  for (const name of readdirSync(bfloat16)) writeFileSync(join(model, name), readFileSync(join(bfloat16, name)));
  const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
  writeFileSync(join(model, 'config.json'), JSON.stringify({ ...config, tie_word_embeddings: true }));
  const tieOf = (dir: string) => JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')).tie_word_embeddings;
  for (const [targets, tied] of [
    [['lm_head'], false],
    [['q_proj'], true],
  ] as const) {
    const output = fresh();
    const adapter = await adapterOf(model, { ...lora, target_modules: [...targets] });
    const { untied } = await mergeModel({ model, adapter, output }, going, silent);
    assert.equal(untied, !tied);
    assert.equal(tieOf(output), tied);
  }
});
