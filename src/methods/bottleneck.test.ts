import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { drawnAdapter, drawnRows } from '../../test/engine/drawn.ts';
import { scoresOf } from '../../test/engine/scores.ts';
import { bytesOf } from '../../test/engine/training.ts';
import { readCase, tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { type Model, openModel } from '../models/model.ts';
import { readAdapter, writeAdapter } from './adapter.ts';
import { configureMethod } from './table.ts';

const golden = join(import.meta.dirname, '../../test/golden/peft010');
const open = (name: string) => openModel(join(golden, 'models', name));
const [gpt2, t5, bert] = [await open('gpt2-a'), await open('t5-a'), await open('bert-a')];

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bottleneck-'));
});
after(() => rm(dir, { recursive: true }));

const bottleneck = (keys: JsonObject = {}, model: Model = gpt2) =>
  configureMethod({ peft_type: 'BOTTLENECK', ...keys }, model);
/** Widths by the path of the site, of the down projections' names. */
const widths = (keys: JsonObject, model: Model = gpt2) =>
  Object.fromEntries(
    bottleneck(keys, model).trainables.flatMap(({ name, dims }) => {
      const path = /^(.*)\.adapters\.default\.adapter_down\.\d\.weight$/.exec(name)?.[1];
      return path === undefined ? [] : [[path, dims[0]]];
    }),
  );

for (const name of ['houlsby-gpt2', 'houlsby-t5', 'parallel-gpt2', 'pfeiffer-bert-seqcls', 'pfeiffer-llama']) {
  test(`${name}: its config is the one that AdapterHub makes of the preset`, async () => {
    interface Case {
      readonly bottleneck_kind: string;
      readonly bottleneck_args: JsonObject;
      readonly model: string;
    }
    const path = join(golden, 'train', `bn-${name}`);
    const { bottleneck_kind: config, bottleneck_args, model } = readCase<Case>(join(path, 'case.json'));
    const written = bottleneck({ config, ...bottleneck_args, name: 'golden' }, await openModel(join(golden, model)));
    const { version: _, ...expected } = readCase<JsonObject>(join(path, 'init/adapter_config.json'));
    const { version, ...found } = written.config;
    assert.deepEqual(found, { ...expected, model_name: join(golden, model) });
    assert.match(String(version), /^adapters\.\d/);
  });
}

test('a whole configuration may be given too, and keys beside it count', () => {
  const given = { mh_adapter: true, output_adapter: false, reduction_factor: 4, non_linearity: 'gelu', future: 1 };
  const { config } = bottleneck({ config: given, reduction_factor: 8 });
  assert.deepEqual(config.config, { ...given, reduction_factor: 8 });
  assert.deepEqual(Object.values(widths({ config: given, reduction_factor: 8 })), [6, 6]);
});

test('stands where the modules of AdapterHub stand, in every family', async () => {
  const first = async (dir: string, keys: JsonObject = {}) =>
    Object.keys(widths({ config: 'double_seq_bn', leave_out: [1, 2, 3], ...keys }, await openModel(dir)));
  const added = (layer: string) => [`${layer}.attention_adapters`, `${layer}.output_adapters`];
  assert.deepEqual(await first(tinyModels.gpt2), added('transformer.h.0'));
  for (const family of ['llama', 'mistral', 'gemma2', 'qwen3', 'phi', 'phi3', 'olmo2'] as const) {
    assert.deepEqual(await first(tinyModels[family]), added('model.layers.0'), family);
  }
  assert.deepEqual(await first(tinyModels.gptNeox), added('gpt_neox.layers.0'));
  assert.deepEqual(await first(tinyModels.opt), added('model.decoder.layers.0'));
  for (const root of ['bert', 'roberta'] as const) {
    const layer = `${root}.encoder.layer.0`;
    assert.deepEqual(await first(tinyModels[root]), [`${layer}.attention.output`, `${layer}.output`]);
  }
  assert.deepEqual(await first(tinyModels.t5), ['encoder.block.0.layer.0', 'encoder.block.0.layer.1']);
});

test('layers are numbered through, a decoder’s after its encoder’s', () => {
  // AdapterHub's T5ModelAdaptersMixin.iter_layers; there are two layers each.
  const found = widths({ reduction_factor: { 1: 4, 2: 3, default: 8 }, leave_out: [0] }, t5);
  assert.deepEqual(found, {
    'encoder.block.1.layer.1': 12,
    'decoder.block.0.layer.2': 16,
    'decoder.block.1.layer.2': 6,
  });
});

test('a width is what Python’s hidden // reduction_factor gives, at least 1', () => {
  const width = (reduction_factor: number) => Object.values(widths({ reduction_factor }))[0];
  const { hidden } = gpt2.architecture.sizes;
  assert.equal(hidden, 48);
  for (const [factor, expected] of [
    ...[
      [16, 3],
      [5, 9],
      [48, 1],
      [100, 1],
      [0.5, 96],
      [0.1, 479],
      [0.3, 160],
      [2.5, 19],
    ],
  ] as [number, number][]) {
    assert.equal(width(factor), expected, String(factor));
  }
});

test('tensors of parts that a configuration adds', () => {
  const names = (keys: JsonObject) =>
    bottleneck({ leave_out: [1], name: 'x', reduction_factor: 4, ...keys }).trainables.map(
      ({ name, dims }) => `${name.replace('transformer.h.0.output_adapters.adapters.x.', '')} ${dims}`,
    );
  const plain = [
    'adapter_down.0.weight 12,48',
    'adapter_down.0.bias 12',
    'adapter_up.weight 48,12',
    'adapter_up.bias 48',
  ];
  assert.deepEqual(names({}), plain);
  assert.deepEqual(names({ scaling: 'learned' }), [...plain, 'scaling 1']);
  assert.deepEqual(names({ scaling: 'channel' }), [...plain, 'scaling 48']);
  assert.deepEqual(names({ ln_after: true }), [...plain, 'adapter_norm_after.weight 48', 'adapter_norm_after.bias 48']);
  assert.deepEqual(names({ ln_before: true }), [
    ...['adapter_norm_before.weight 48', 'adapter_norm_before.bias 48'],
    ...plain.map((name) => name.replace('down.0', 'down.1')),
  ]);
  const classifier = bottleneck({}, bert).trainables.slice(-2);
  assert.deepEqual(classifier, [
    { name: 'classifier.bias', dims: [3] },
    { name: 'classifier.weight', dims: [3, 48] },
  ]);
});

test('first values are drawn as AdapterHub draws them', async () => {
  const drawn = async (init_weights: string) => {
    const method = bottleneck({ init_weights, reduction_factor: 0.1, ln_after: true, scaling: 'channel' });
    const tensors = await method.initialise({ model: gpt2, random: Random.of(1, 'test'), encode: null });
    const part = (end: string) => [...tensors].filter(([name]) => name.endsWith(end)).flatMap(([, data]) => [...data]);
    return { down: part('adapter_down.0.weight'), up: part('adapter_up.weight'), part };
  };
  const deviation = (x: readonly number[]) => Math.sqrt(x.reduce((sum, y) => sum + y * y, 0) / x.length);
  const near = (x: readonly number[], expected: number) => assert.ok(Math.abs(deviation(x) / expected - 1) < 0.03);
  const normal = await drawn('bert');
  near(normal.down, 0.02);
  near(normal.up, 0.02);
  for (const end of ['.scaling', 'adapter_norm_after.weight']) assert.ok(normal.part(end).every((x) => x === 1));
  assert.ok(normal.part('.bias').every((x) => x === 0));
  const mam = await drawn('mam_adapter');
  const bound = 1 / Math.sqrt(48);
  near(mam.down, bound / Math.sqrt(3));
  assert.ok(mam.down.every((x) => Math.abs(x) <= bound) && mam.up.every((x) => x === 0));
  const cut = await drawn('houlsby');
  // The deviation of a normal number that is cut at two of its deviations.
  near([...cut.down, ...cut.up], 0.01 * 0.8796);
  assert.ok([...cut.down, ...cut.up].every((x) => Math.abs(x) <= 0.02));
});

test('without an up projection it is the base model to the bit', async () => {
  const language = await LanguageModel.open(tinyModels.gpt2, 'cpu');
  try {
    const rows = drawnRows(language.model, 4);
    const scores = async (keys: JsonObject) => {
      const adapter = await drawnAdapter(language.model, 1, { peft_type: 'BOTTLENECK', ...keys });
      return scoresOf(await language.attach(adapter), rows);
    };
    const base = await scoresOf(await language.attach(null), rows);
    assert.deepEqual(await scores({ config: 'par_bn' }), base);
    assert.deepEqual(await scores({ config: 'double_seq_bn', init_weights: 'mam_adapter' }), base);
    assert.notDeepEqual(await scores({ config: 'par_bn', init_weights: 'bert' }), base);
  } finally {
    await language.close();
  }
});

test('what would change the numbers and is not built is refused by its value', () => {
  const cases: readonly (readonly [JsonObject, RegExp])[] = [
    [{ phm_layer: true }, /phm_layer is true; Compacter/],
    [{ inv_adapter: 'nice' }, /inv_adapter is "nice"; invertible/],
    [{ use_gating: true }, /use_gating is true; its gate is a mean over all positions/],
    [{ non_linearity: 'crelu' }, /non_linearity is "crelu"; supported are gelu, /],
    [{ non_linearity: 3 }, /non_linearity is 3; a string is expected/],
    [{ reduction_factor: 0 }, /reduction_factor is 0; a number above 0/],
    [{ reduction_factor: '16' }, /reduction_factor is "16"; a number above 0/],
    [{ reduction_factor: { 0: 4 } }, /reduction_factor has no entry for layer 1, and no default/],
    [{ reduction_factor: 1e-9 }, /reduction_factor is 1e-9, which makes/],
    [{ scaling: 'large' }, /scaling is "large"; a number, "learned" or "channel"/],
    [{ init_weights: 'zero' }, /init_weights is "zero"; known are bert, mam_adapter, houlsby/],
    [{ residual_before_ln: 'pre' }, /residual_before_ln is "pre"; true, false or "post_add"/],
    [{ residual_before_ln: 'post_add', original_ln_before: false }, /"post_add", which goes with original_ln_before/],
    [{ mh_adapter: false, output_adapter: false }, /output_adapter is false, and so is mh_adapter/],
    [{ leave_out: [0, 1] }, /leave_out names every layer/],
    [{ leave_out: 'all' }, /leave_out is "all"; a list of numbers/],
    [{ config: 'compacter' }, /config is "compacter"; supported are double_seq_bn, houlsby, par_bn/],
    [{ config: [] }, /config is \[\]; supported are/],
    [{ name: 'a.b' }, /name is "a\.b"/],
  ];
  for (const [keys, pattern] of cases) {
    assert.throws(
      () => bottleneck(keys),
      (error) => SoftpromptError.is(error, 'config-key') && pattern.test(error.message),
      `${JSON.stringify(keys)}`,
    );
  }
  assert.throws(() => bottleneck({ cross_adapter: true }, t5), /cross_adapter is true; adapters after cross-attention/);
  assert.ok(bottleneck({ cross_adapter: true, phm_layer: false, phm_dim: 4, leave_out: null }).trainables.length > 0);
});

test('in a set it keeps its own form, its head too', async () => {
  const methods: JsonObject[] = [
    { peft_type: 'LORA', r: 2, init_lora_weights: false },
    { peft_type: 'BOTTLENECK', config: 'seq_bn' },
  ];
  for (const [name, given] of [
    ['lora first', methods],
    ['bottleneck first', methods.toReversed()],
  ] as const) {
    const folder = join(dir, name);
    const { method, tensors } = await drawnAdapter(bert, 1, { peft_type: 'UNION', methods: given });
    await writeAdapter(folder, { method, tensors });
    const files = ['adapter.safetensors', 'adapter_config.json', 'head_config.json', 'model_head.safetensors'];
    assert.deepEqual((await readdir(join(folder, 'bottleneck'))).sort(), files);
    const again = await readAdapter(folder, bert);
    assert.equal(again.method.structure, method.structure);
    assert.deepEqual(bytesOf(again.tensors), bytesOf(tensors));
    const alone = await readAdapter(join(folder, 'bottleneck'), bert);
    assert.equal(alone.method.peftType, 'BOTTLENECK');
  }
});
