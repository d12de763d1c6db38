import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { drawnAdapter, drawnRows } from '../../test/engine/drawn.ts';
import { scoresOf } from '../../test/engine/scores.ts';
import { bytesOf } from '../../test/engine/training.ts';
import { largestError, readCase, tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { readFloat32 } from '../checkpoint/tensorReading.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { openModel } from '../models/model.ts';
import { configureMethod } from './table.ts';

const golden = join(import.meta.dirname, '../../test/golden/peft021');
const [gpt2, llama] = [await openModel(tinyModels.gpt2), await openModel(tinyModels.llama)];

const lora = (keys: JsonObject = {}, model = llama) => configureMethod({ peft_type: 'LORA', ...keys }, model);
const shapes = (keys: JsonObject, model = llama) =>
  new Map(lora(keys, model).trainables.map(({ name, dims }) => [name.replace('base_model.model.', ''), dims]));

test("its config has all that PEFT's own has", () => {
  for (const [name, model] of [
    ['lora-gpt2-accum2', gpt2],
    ['lora-llama3', llama],
  ] as const) {
    const peft = readCase<JsonObject>(join(golden, 'train', name, 'final/adapter_config.json'));
    const { peft_version: _, ...keys } = peft;
    assert.deepEqual(lora({ r: 4, task_type: 'CAUSAL_LM' }, model).config, {
      ...keys,
      base_model_name_or_path: model.dir,
    });
  }
});

test('rank and alpha follow the first pattern that is an end of the name', () => {
  const target_modules = ['q_proj', 'v_proj'];
  const rank_pattern = { '1.self_attn.q_proj': 2, q_proj: 5, '.*layers.2.*': 3 };
  const found = shapes({ target_modules, rank_pattern });
  const rank = (path: string) => found.get(`model.layers.${path}.lora_A.weight`)?.[0];
  assert.deepEqual(
    ['0.self_attn.q_proj', '1.self_attn.q_proj', '2.self_attn.q_proj', '2.self_attn.v_proj', '0.self_attn.v_proj'].map(
      rank,
    ),
    [5, 2, 5, 3, 8],
  );
  // Only the structure tells alpha and scaling: they are no tensors.
  const scaling = (keys: JsonObject) =>
    /layers\.0\.self_attn\.q_proj",\d+,([\d.]+)/.exec(lora({ target_modules, ...keys }).structure)?.[1];
  assert.equal(scaling({ r: 4, lora_alpha: 8 }), '2');
  assert.equal(scaling({ r: 4, lora_alpha: 8, use_rslora: true }), '4');
  assert.equal(scaling({ r: 4, alpha_pattern: { q_proj: 3 }, rank_pattern: { 'self_attn.q_proj': 2 } }), '1.5');
});

test('biases are trained where the chosen layers have them', async () => {
  const method = lora({ bias: 'lora_only' }, gpt2);
  const biases = method.trainables.filter(({ name }) => name.endsWith('.bias'));
  assert.deepEqual(biases[0], { name: 'base_model.model.transformer.h.0.attn.c_attn.base_layer.bias', dims: [120] });
  assert.equal(biases.length, 2);
  const all = lora({ bias: 'all' }, gpt2).trainables.filter(({ name }) => name.endsWith('bias'));
  const inModel = [...gpt2.weights.tensors.keys()].filter((name) => name.endsWith('.bias'));
  assert.deepEqual(
    all.map(({ name }) => name.replace('base_model.model.', '').replace('base_layer.', '')),
    inModel,
  );
  assert.equal(all.filter(({ name }) => name.includes('base_layer')).length, 2);
  assert.equal(lora({ bias: 'lora_only' }).trainables.length, lora().trainables.length);
});

test('an embedding table has a path of its own, and the file a copy of the table where PEFT writes one', async () => {
  const { method, tensors } = await drawnAdapter(llama, 1, {
    peft_type: 'LORA',
    r: 3,
    target_modules: ['embed_tokens'],
  });
  const at = 'base_model.model.model.embed_tokens';
  assert.deepEqual(method.trainables, [
    { name: `${at}.lora_embedding_A`, dims: [3, 160] },
    { name: `${at}.lora_embedding_B`, dims: [48, 3] },
  ]);
  assert.ok(tensors.get(`${at}.lora_embedding_A`)!.every((x) => x === 0));
  assert.ok(tensors.get(`${at}.lora_embedding_B`)!.some((x) => x !== 0));
  const copies = (target_modules: JsonObject[string], model = llama) =>
    lora({ target_modules }, model).copies!.map(({ name }) => name.replace('base_model.model.', ''));
  assert.deepEqual(copies(['embed_tokens', 'lm_head']), [
    'model.embed_tokens.base_layer.weight',
    'lm_head.base_layer.weight',
  ]);
  assert.deepEqual(copies('.*(embed_tokens|q_proj)'), ['model.embed_tokens.base_layer.weight']);
  assert.deepEqual(copies(['wte', 'c_attn'], gpt2), [], 'PEFT knows the table by other names');
  assert.deepEqual(copies(['q_proj']), []);
});

test('modules to save are trained whole, from what the checkpoint has', async () => {
  const name = 'base_model.model.lm_head.weight';
  const keys = { peft_type: 'LORA', modules_to_save: ['lm_head', 'score'] };
  const { method, tensors } = await drawnAdapter(llama, 1, keys);
  const weight = llama.weights.tensors.get('lm_head.weight')!;
  assert.deepEqual(method.trainables.at(-1), { name, dims: weight.shape });
  assert.deepEqual(tensors.get(name), await readFloat32(weight));
  assert.notEqual(method.structure, lora().structure);
  assert.throws(
    () => lora({ modules_to_save: ['wte'] }, gpt2),
    /names transformer\.wte, whose table is the output head's/,
  );
});

test('methods of equal structure run in the same sessions, others do not', () => {
  const base = { target_modules: ['q_proj', 'v_proj'], r: 4 };
  assert.equal(lora(base).structure, lora({ ...base, init_lora_weights: 'gaussian' }).structure);
  const others: JsonObject[] = [
    { target_modules: ['q_proj'] },
    { r: 5 },
    { lora_alpha: 9 },
    { use_rslora: true },
    { use_dora: true },
    { layers_to_transform: [0] },
    { rank_pattern: { '0.self_attn.q_proj': 3 } },
  ];
  const structures = new Set(
    [base, ...others.map((keys) => ({ ...base, ...keys }))].map((keys) => lora(keys).structure),
  );
  assert.equal(structures.size, others.length + 1);
  assert.notEqual(lora({ bias: 'lora_only' }, gpt2).structure, lora({}, gpt2).structure);
});

test('true draws A as torch begins a linear layer, gaussian with deviation 1 / r', async () => {
  const drawn = async (init_lora_weights: JsonObject[string]) =>
    (await drawnAdapter(gpt2, 1, { peft_type: 'LORA', r: 64, target_modules: ['c_fc'], init_lora_weights })).tensors;
  const at = 'base_model.model.transformer.h.0.mlp.c_fc';
  const spread = (data: Float32Array) => Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
  const uniform = (await drawn(true)).get(`${at}.lora_A.weight`)!;
  const bound = 1 / Math.sqrt(40);
  assert.ok(uniform.every((x) => Math.abs(x) <= bound));
  // 2560 draws: a few standard errors of the deviation.
  assert.ok(Math.abs(spread(uniform) / (bound / Math.sqrt(3)) - 1) < 0.05);
  assert.ok(Math.abs(spread((await drawn('gaussian')).get(`${at}.lora_A.weight`)!) * 64 - 1) < 0.07);
  for (const init of [true, 'gaussian']) {
    assert.ok((await drawn(init)).get(`${at}.lora_B.weight`)!.every((x) => x === 0));
  }
  const both = (await drawn(false)).get(`${at}.lora_B.weight`)!;
  assert.ok(Math.abs(spread(both) / (1 / 8 / Math.sqrt(3)) - 1) < 0.05);
  assert.deepEqual(bytesOf(await drawn(true)), bytesOf(await drawn(true)));
});

for (const [family, dir] of Object.entries({ gpt2: tinyModels.gpt2, llama: tinyModels.llama })) {
  describe(`an untrained adapter on ${family}`, async () => {
    const language = await LanguageModel.open(dir, 'cpu');
    after(() => language.close());
    const rows = drawnRows(language.model, 4);
    const scores = async (keys: JsonObject | null) => {
      const adapter = keys === null ? null : await drawnAdapter(language.model, 1, { peft_type: 'LORA', ...keys });
      return (await scoresOf(await language.attach(adapter), rows)).flatMap((row) => [...row]);
    };

    test('is the base model to the bit; with DoRA within its rounding', async () => {
      const base = await scores(null);
      const all = { target_modules: 'all-linear' };
      assert.deepEqual(await scores({ ...all, bias: 'lora_only' }), base);
      assert.deepEqual(await scores({ ...all, init_lora_weights: 'gaussian', use_rslora: true }), base);
      assert.ok(largestError(await scores({ ...all, use_dora: true }), base) <= 1e-5);
      const { tensors } = await drawnAdapter(language.model, 1, { peft_type: 'LORA', init_lora_weights: 'orthogonal' });
      for (const data of tensors.values()) assert.ok(data.some((x) => Math.abs(x) > 0.05));
      assert.ok(largestError(await scores({ ...all, init_lora_weights: 'orthogonal' }), base) <= 1e-5);
      assert.ok(largestError(await scores({ ...all, init_lora_weights: false }), base) > 0.01);
    });

    test('on the token embeddings is the base model to the bit; with DoRA, and drawn, it is plain LORA', async () => {
      const target_modules = ['wte', 'embed_tokens'];
      const base = await scores(null);
      assert.deepEqual(await scores({ target_modules }), base);
      const drawn = { target_modules, init_lora_weights: false, lora_alpha: 2 };
      assert.ok(largestError(await scores(drawn), base) > 0.01);
      assert.ok(largestError(await scores({ ...drawn, use_dora: true }), await scores(drawn)) <= 5e-5);
    });

    test('with a bias of its own is the base model to the bit, drawn another', async () => {
      const base = await scores(null);
      const keys = { target_modules: 'all-linear', lora_bias: true };
      assert.deepEqual(await scores(keys), base);
      const drawn = { ...keys, init_lora_weights: false };
      assert.ok(largestError(await scores(drawn), await scores({ ...drawn, lora_bias: false })) > 0.01);
    });

    test('with DoRA has the lengths of the rows as they are with the path, so that it is plain LORA', async () => {
      const keys = { target_modules: 'all-linear', init_lora_weights: false };
      assert.ok(largestError(await scores({ ...keys, use_dora: true }), await scores(keys)) <= 1e-5);
    });
  });
}

test('what is not supported, or is wrong, is refused by its key', () => {
  const refusals: readonly (readonly [JsonObject, RegExp])[] = [
    [{ r: 0 }, /r is 0 for model\.layers\.0/],
    [{ r: '4' }, /r is "4"; a whole number is expected/],
    [{ rank_pattern: { q_proj: 1.5 } }, /r is 1\.5 for/],
    [{ rank_pattern: { '(': 2 } }, /rank_pattern is no regular expression/],
    [{ bias: 'some' }, /bias is "some"; known are none, lora_only, all/],
    [
      { init_lora_weights: 'olora' },
      /init_lora_weights is "olora"; known are true, gaussian, orthogonal, false, pissa/,
    ],
    [{ init_lora_weights: 'orthogonal', r: 3 }, /init_lora_weights is orthogonal, which needs even ranks/],
    [{ init_lora_weights: 'pissa', target_modules: ['embed_tokens'] }, /is PiSSA, which goes with linear layers only/],
    [{ modules_to_save: ['head_lm'] }, /modules_to_save names no module with a tensor of its own: head_lm/],
    [{ lora_bias: true, use_dora: true }, /lora_bias goes without use_dora only/],
    [{ lora_bias: true, target_modules: ['embed_tokens'] }, /lora_bias goes with linear layers only/],
    [{ layer_replication: [[0, 2]] }, /layer_replication is not supported/],
  ];
  for (const [keys, pattern] of refusals) {
    assert.throws(
      () => lora(keys),
      (error) => SoftpromptError.is(error, 'config-key') && pattern.test(error.message),
      String(pattern),
    );
  }
  // What PEFT writes for options that are not used.
  lora({ modules_to_save: null, lora_bias: false, trainable_token_indices: [], loftq_config: {} });
});
