import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { drawnAdapter } from '../../test/engine/drawn.ts';
import { bytesOf } from '../../test/engine/training.ts';
import { readCase, readTensors } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { readFloat32 } from '../checkpoint/tensorReading.ts';
import { type TensorData, writeSafetensors } from '../checkpoint/tensorWriting.ts';
import { type ErrorReason, SoftpromptError } from '../foundation/errors.ts';
import { openModel } from '../models/model.ts';
import { readAdapter, writeAdapter } from './adapter.ts';
import { adapterUse } from './adapterUse.ts';
import { planMerge } from './merging.ts';

const golden = join(import.meta.dirname, '../../test/golden/peft010');
const open = (name: string) => openModel(join(golden, 'models', name));
const models = {
  gpt2: await open('gpt2-a'),
  llama: await open('llama-a'),
  t5: await open('t5-a'),
  bert: await open('bert-a'),
};
const folderOf = (name: string) => join(golden, 'train', `bn-${name}`, 'final');

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'adapterhub-'));
});
after(() => rm(dir, { recursive: true }));

type TensorsOfFile = Map<string, { shape: readonly number[]; data: Float32Array }>;

let count = 0;
/** A copy of a golden folder, its configuration and tensors changed. */
async function changed(
  name: string,
  config: (json: Record<string, unknown>) => void,
  tensors: (all: TensorsOfFile) => void = () => {},
): Promise<string> {
  const copy = join(dir, String(count++));
  await cp(folderOf(name), copy, { recursive: true });
  const json = readCase<Record<string, unknown>>(join(copy, 'adapter_config.json'));
  config(json);
  await writeFile(join(copy, 'adapter_config.json'), JSON.stringify(json));
  const all = await readTensors(join(copy, 'adapter.safetensors'));
  tensors(all);
  await writeTensors(join(copy, 'adapter.safetensors'), all);
  return copy;
}

const writeTensors = (file: string, all: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>) =>
  writeSafetensors(
    file,
    [...all].map(([name, tensor]): TensorData => ({ name, dtype: 'F32', ...tensor })),
  );
const same = () => {};
const refused = (reason: ErrorReason, pattern: RegExp) => (error: unknown) => {
  assert.ok(SoftpromptError.is(error, reason), String(error));
  assert.match(error.message, pattern);
  return true;
};

for (const [name, model] of [
  ['houlsby-bert-seqcls', models.bert],
  ['houlsby-t5', models.t5],
  ['parallel-gpt2', models.gpt2],
  ['pfeiffer-llama', models.llama],
] as const) {
  test(`${name} is written as it was read, byte by byte`, async () => {
    const copy = join(dir, name);
    await writeAdapter(copy, await readAdapter(folderOf(name), model));
    const isHead = name === 'houlsby-bert-seqcls';
    const files = [
      'adapter.safetensors',
      'adapter_config.json',
      ...(isHead ? ['head_config.json', 'model_head.safetensors'] : []),
    ];
    assert.deepEqual((await readdir(copy)).sort(), files);
    const bytes = async (...path: string[]) => readFile(join(...path));
    for (const file of files.slice(0, 2)) {
      assert.ok((await bytes(copy, file)).equals(await bytes(folderOf(name), file)), file);
    }
    if (!isHead) return;
    assert.ok((await bytes(copy, 'model_head.safetensors')).equals(await bytes(folderOf(name), 'head.safetensors')));
    const { config, label2id, num_labels, model_class } = readCase<JsonObject>(join(copy, 'head_config.json'));
    assert.deepEqual([config, num_labels, model_class], [null, 3, 'BertForSequenceClassification']);
    assert.deepEqual(label2id, { LABEL_0: 0, LABEL_1: 1, LABEL_2: 2 });
  });
}

test('a file may say its version in any form, or not at all', async () => {
  const reference = await readAdapter(folderOf('houlsby-gpt2'), models.gpt2);
  for (const version of [
    '0.2.2',
    'adapters.0.2.2',
    'adapters.1.2.0',
    '3.2.1',
    'adapters.1.0.0.dev0',
    null,
    undefined,
  ]) {
    const folder = await changed('houlsby-gpt2', (json) => Object.assign(json, { version }));
    const { method, tensors } = await readAdapter(folder, models.gpt2);
    assert.equal(method.structure, reference.method.structure);
    assert.deepEqual(bytesOf(tensors), bytesOf(reference.tensors));
  }
});

test('a file without a version has the older names of two activations', async () => {
  const activation = async (json: JsonObject) => {
    const folder = await changed('houlsby-gpt2', (all) => {
      delete all.version;
      Object.assign(all.config as object, json);
    });
    const adapter = await readAdapter(folder, models.gpt2);
    await writeAdapter(folder, adapter);
    const again = await readAdapter(folder, models.gpt2);
    assert.equal(again.method.structure, adapter.method.structure);
    return (again.method.config.config as JsonObject).non_linearity;
  };
  assert.equal(await activation({ non_linearity: 'gelu' }), 'gelu_new');
  assert.equal(await activation({ non_linearity: 'gelu_orig' }), 'gelu');
  assert.equal(await activation({ non_linearity: 'relu' }), 'relu');
});

test('keys that nobody here knows are kept, outside and inside', async () => {
  const folder = await changed('parallel-gpt2', (json) => {
    Object.assign(json, { future: { a: [1] }, type: 'text_task' });
    Object.assign(json.config as object, { stochastic_depth: 0, another: 'x', scaling: 4 });
  });
  const { config } = (await readAdapter(folder, models.gpt2)).method;
  const copy = join(dir, 'kept');
  await writeAdapter(copy, await readAdapter(folder, models.gpt2));
  const written = readCase<JsonObject>(join(copy, 'adapter_config.json'));
  assert.deepEqual(written, JSON.parse(JSON.stringify(config)));
  assert.deepEqual(
    [written.future, written.type, (written.config as JsonObject).another],
    [{ a: [1] }, 'text_task', 'x'],
  );
  // AdapterHub takes floats alone here.
  assert.match(
    await readFile(join(copy, 'adapter_config.json'), 'utf8'),
    /"scaling": 4\.0,.*"stochastic_depth": 0\.0/s,
  );
});

test('the name of a preset stands for its configuration', async () => {
  const folder = await changed('pfeiffer-gpt2', (json) =>
    Object.assign(json, { config: 'pfeiffer', reduction_factor: 6 }),
  );
  const { method } = await readAdapter(folder, models.gpt2);
  assert.equal(method.structure, (await readAdapter(folderOf('pfeiffer-gpt2'), models.gpt2)).method.structure);
});

test('names may have more or less of the path of the model’s base before them', async () => {
  const renamed = (from: RegExp, to: string) => (all: TensorsOfFile) => {
    for (const [name, tensor] of [...all]) {
      all.delete(name);
      all.set(name.replace(from, to), tensor);
    }
  };
  for (const [name, model, from, to] of [
    ['houlsby-bert-seqcls', models.bert, /^bert\./, ''],
    ['houlsby-gpt2', models.gpt2, /^transformer\./, ''],
    ['houlsby-t5', models.t5, /^/, 'transformer.'],
  ] as const) {
    const { tensors } = await readAdapter(await changed(name, same, renamed(from, to)), model);
    assert.deepEqual(bytesOf(tensors), bytesOf((await readAdapter(folderOf(name), model)).tensors));
  }
});

test('a norm that stands first is in the file twice, and counts once', async () => {
  const { method, tensors } = await drawnAdapter(models.gpt2, 1, { peft_type: 'BOTTLENECK', ln_before: true });
  const folder = join(dir, 'norm');
  await writeAdapter(folder, { method, tensors });
  const file = join(folder, 'adapter.safetensors');
  const all = await readTensors(file);
  const norms = [...all].filter(([name]) => name.includes('adapter_norm_before'));
  assert.equal(norms.length, 4);
  for (const [name, tensor] of norms) all.set(name.replace('adapter_norm_before', 'adapter_down.0'), tensor);
  await writeTensors(file, all);
  assert.deepEqual(bytesOf((await readAdapter(folder, models.gpt2)).tensors), bytesOf(tensors));
  for (const [name] of norms) all.delete(name);
  await writeTensors(file, all);
  assert.deepEqual(bytesOf((await readAdapter(folder, models.gpt2)).tensors), bytesOf(tensors));
});

test('a classifier’s head lies beside the adapter; where there is none, the model’s own counts', async () => {
  const stored = await readAdapter(folderOf('pfeiffer-bert-seqcls'), models.bert);
  assert.deepEqual(await adapterUse(folderOf('pfeiffer-bert-seqcls')), { task: 'seq_cls', classes: 3 });
  const folder = await changed('pfeiffer-bert-seqcls', same);
  await rename(join(folder, 'head.safetensors'), join(folder, 'model_head.safetensors'));
  assert.deepEqual(bytesOf((await readAdapter(folder, models.bert)).tensors), bytesOf(stored.tensors));
  await rm(join(folder, 'model_head.safetensors'));
  const { tensors } = await readAdapter(folder, models.bert);
  const own = await readFloat32(models.bert.weights.tensors.get('classifier.weight')!);
  assert.deepEqual(tensors.get('classifier.weight'), own);
  assert.notDeepEqual(stored.tensors.get('classifier.weight'), own);
  assert.deepEqual(await adapterUse(folder), { task: 'seq_cls' });
});

test('half a head is refused', async () => {
  const folder = await changed('pfeiffer-bert-seqcls', same);
  const head = await readTensors(join(folder, 'head.safetensors'));
  head.delete('classifier.bias');
  await writeTensors(join(folder, 'head.safetensors'), head);
  await assert.rejects(readAdapter(folder, models.bert), refused('adapter-mismatch', /classifier\.bias is missing/));
});

test('a head of AdapterHub’s own model classes is refused', async () => {
  const folder = await changed('pfeiffer-bert-seqcls', same);
  const head = new Map([['heads.golden.1.weight', { shape: [2, 2], data: new Float32Array(4) }]]);
  await writeTensors(join(folder, 'head.safetensors'), head);
  const refusal = refused(
    'adapter-mismatch',
    /heads\.golden\.1\.weight belongs to a head of AdapterHub's own model classes/,
  );
  await assert.rejects(readAdapter(folder, models.bert), refusal);
});

test('a language model’s head may lie beside an adapter when it is the model’s own', async () => {
  for (const [name, model, tensor] of [
    ['pfeiffer-gpt2', models.gpt2, 'transformer.wte.weight'],
    ['pfeiffer-llama', models.llama, 'lm_head.weight'],
  ] as const) {
    const folder = await changed(name, same);
    const info = model.weights.tensors.get(tensor)!;
    const data = await readFloat32(info);
    const head = (values: Float32Array) =>
      writeTensors(
        join(folder, 'model_head.safetensors'),
        new Map([['lm_head.weight', { shape: info.shape, data: values }]]),
      );
    await head(data);
    const { tensors } = await readAdapter(folder, model);
    assert.deepEqual(bytesOf(tensors), bytesOf((await readAdapter(folderOf(name), model)).tensors));
    await head(data.map((x) => x + 1));
    await assert.rejects(readAdapter(folder, model), refused('adapter-mismatch', /lm_head\.weight is not the one of/));
  }
});

test('tensors that are missing, left over or of another shape are named', async () => {
  const name = 'transformer.h.1.output_adapters.adapters.golden.adapter_up.bias';
  const cases = [
    [(all) => all.delete(name), /adapter_up\.bias is missing; with gpt2-a it must be \[48\]/],
    [(all) => all.set(name, { shape: [2, 24], data: new Float32Array(48) }), /adapter_up\.bias is \[2, 24\]/],
    [(all) => all.set('extra', { shape: [1], data: new Float32Array(1) }), /extra has no meaning for BOTTLENECK/],
    [
      (all) => all.set(name.replace('golden', 'other'), { shape: [48], data: new Float32Array(48) }),
      /adapters\.other\.adapter_up\.bias has no meaning/,
    ],
  ] as const satisfies readonly (readonly [Parameters<typeof changed>[2] & object, RegExp])[];
  for (const [change, pattern] of cases) {
    const folder = await changed('houlsby-gpt2', same, change);
    await assert.rejects(readAdapter(folder, models.gpt2), refused('adapter-mismatch', pattern));
  }
  const wider = await changed('houlsby-gpt2', (json) => Object.assign(json.config as object, { reduction_factor: 2 }));
  await assert.rejects(readAdapter(wider, models.gpt2), refused('adapter-mismatch', /must be \[24, 48\]/));
  await assert.rejects(readAdapter(folderOf('houlsby-gpt2'), models.llama), refused('adapter-mismatch', /is missing/));
});

test('configurations that are broken or of another method are refused', async () => {
  const cases: readonly (readonly [JsonObject, ErrorReason, RegExp])[] = [
    [{ config: { architecture: 'lora', r: 8 } }, 'method-unknown', /AdapterHub's lora is not supported/],
    [{ config: { architecture: 'union', configs: [] } }, 'method-unknown', /AdapterHub's union/],
    [{ config: 'mam' }, 'config-key', /config is "mam"/],
    [{ config: {} }, 'config-key', /adapter_config\.json: config\.mh_adapter is missing; a boolean is expected/],
    [{ config: 7 }, 'adapter-unusable', /has no peft_type/],
    [{ config: null }, 'adapter-unusable', /has no peft_type/],
    [{ name: 7 }, 'config-key', /name is 7; a string is expected/],
  ];
  for (const [json, reason, pattern] of cases) {
    const folder = await changed('houlsby-gpt2', (all) => Object.assign(all, json));
    await assert.rejects(readAdapter(folder, models.gpt2), refused(reason, pattern));
  }
  const pickle = await changed('houlsby-gpt2', same);
  await rename(join(pickle, 'adapter.safetensors'), join(pickle, 'pytorch_adapter.bin'));
  await assert.rejects(
    readAdapter(pickle, models.gpt2),
    refused('adapter-unusable', /pytorch_adapter\.bin, a pickle file/),
  );
});

test('it cannot be merged, and says why', async () => {
  const adapter = await readAdapter(folderOf('houlsby-gpt2'), models.gpt2);
  const merge = planMerge(models.gpt2, adapter, new AbortController().signal, () => {});
  await assert.rejects(merge, refused('not-mergeable', /BOTTLENECK adapter cannot be merged.*non-linearity/));
});
