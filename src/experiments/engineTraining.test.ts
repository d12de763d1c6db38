import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { tinyModels } from '../../test/golden/reference.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { TrainingEvent } from '../training/events.ts';
import { trainingEngine } from './engineTraining.ts';
import { readExperiment } from './experimentFile.ts';
import { freshPlace } from './trainingPlace.ts';

const adapter = join(import.meta.dirname, '../../test/golden/adapters/prompt-unknown-keys');
const [configName, weightsName] = ['adapter_config.json', 'adapter_model.safetensors'];
const encoderName = 'prompt_encoder.safetensors';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'engine-training-'));
  const rows = Array.from({ length: 10 }, (_, i) => ({
    input_ids: Array.from({ length: 3 + (i % 4) }, (_, t) => 7 + i * 5 + t * 3),
  }));
  await writeFile(join(dir, 'train.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Trains an experiment to the end; stops it after the step `stopAt`. */
async function run(
  name: string,
  settings: readonly string[],
  { resume = false, stopAt = Number.POSITIVE_INFINITY } = {},
): Promise<{ readonly events: TrainingEvent[]; readonly folder: string }> {
  const file = join(dir, 'tiny.tune.yaml');
  const method = '{peft_type: PROMPT_TUNING, num_virtual_tokens: 6}';
  const training = '{max_steps: 6, per_device_train_batch_size: 3, learning_rate: 0.1, device: cpu}';
  const data = '{train: train.jsonl, validation_split: 0.2}';
  await writeFile(file, `model: ${tinyModels.llama}\ndata: ${data}\nmethod: ${method}\ntraining: ${training}\n`);
  const { experiment } = await readExperiment(file, [...settings]);
  const [checkpoints, folder] = [join(dir, name, 'checkpoints'), join(dir, name, 'adapter')];
  await mkdir(folder, { recursive: true });
  const controller = new AbortController();
  const events: TrainingEvent[] = [];
  const request = { experiment, checkpoints, resume, adapterFolder: folder };
  for await (const event of trainingEngine(freshPlace).train(request, controller.signal)) {
    events.push(event);
    if (event.event === 'step' && event.step === stopAt) controller.abort();
  }
  return { events, folder };
}

test("a run starts from an adapter's tensors and keeps its config's keys", async () => {
  const { folder, events } = await run('a', [`method.init_from=${adapter}`, 'training.learning_rate=1e-30']);
  assert.ok((await readFile(join(folder, weightsName))).equals(await readFile(join(adapter, weightsName))));
  assert.equal(JSON.parse(await readFile(join(folder, configName), 'utf8')).future, 1);
  assert.equal(events.at(-1)?.event, 'done');
  await assert.rejects(run('b', [`method.init_from=${adapter}`, 'method.num_virtual_tokens=7']), (error) => {
    assert.ok(SoftpromptError.is(error, 'adapter-unusable'), String(error));
    assert.match(error.message, /has num_virtual_tokens 6, but the experiment asks for 7/);
    return true;
  });
});

test('a run that starts from an adapter says of its prompt how that one began', async () => {
  const from = join(dir, 'from');
  await cp(adapter, from, { recursive: true });
  const config = JSON.parse(await readFile(join(from, configName), 'utf8')) as object;
  await writeFile(join(from, configName), JSON.stringify({ ...config, prompt_tuning_init: 'RANDOM' }));
  const { folder } = await run('a', [`method.init_from=${from}`]);
  assert.equal(JSON.parse(await readFile(join(folder, configName), 'utf8')).prompt_tuning_init, 'RANDOM');
});

test('a training whose loss is no number any more ends with its step, not with an adapter', async () => {
  const diverging = ['method={peft_type: FULL}', 'training.learning_rate=1e38'];
  await assert.rejects(run('nan', diverging), (error) => {
    assert.ok(SoftpromptError.is(error, 'training-diverged'), String(error));
    assert.match(error.message, /^Step 2: the loss is NaN/);
    return true;
  });
  assert.deepEqual(await readdir(join(dir, 'nan/adapter')), []);
});

test('a stopped run has an adapter; resumed, it ends with the bytes of a run that never stopped', async () => {
  const whole = await run('whole', []);
  const stopped = await run('stopped', [], { stopAt: 3 });
  const done = stopped.events.at(-1);
  assert.ok(done?.event === 'done' && done.reason === 'stopped' && done.step === 3);
  const { folder, events } = await run('stopped', [], { resume: true });
  const [start] = events;
  assert.ok(start?.event === 'start' && start.resumed_from === 3);
  const bytes = (from: string) => readFile(join(from, weightsName));
  assert.ok((await bytes(folder)).equals(await bytes(whole.folder)));
});

const layerMethods = {
  'LORA by LoRA-FA': 'method={peft_type: LORA, r: 2}+training.optim=lora_fa',
  'LORA by LoRA+ and Adafactor':
    'method={peft_type: LORA, r: 2, bias: lora_only}+training.optim=adafactor+training.loraplus_lr_ratio=8',
  LORA: 'method={peft_type: LORA, r: 2, bias: lora_only}',
  'LORA with DoRA': 'method={peft_type: LORA, r: 2, use_dora: true, target_modules: all-linear}',
  IA3: 'method={peft_type: IA3}',
  LN_TUNING: 'method={peft_type: LN_TUNING}',
  LOHA: 'method={peft_type: LOHA, r: 2}',
  LOKR: 'method={peft_type: LOKR, r: 1, decompose_both: true}',
  ADALORA: 'method={peft_type: ADALORA, init_r: 3, target_r: 2, tinit: 1, tfinal: 1}',
  VERA: 'method={peft_type: VERA, r: 4, save_projection: false}',
  BOTTLENECK: 'method={peft_type: BOTTLENECK, config: double_seq_bn, reduction_factor: 8}',
};

for (const [name, settings] of Object.entries(layerMethods)) {
  const weights = name === 'BOTTLENECK' ? 'adapter.safetensors' : weightsName;
  const bytesOf = (folder: string) => readFile(join(folder, weights), 'hex');
  const method = settings.split('+');

  test(`${name}: stopped and resumed it is the same run; training goes on from its adapter`, async () => {
    const { folder: whole } = await run('whole', method);
    await run('stopped', method, { stopAt: 3 });
    const { folder } = await run('stopped', method, { resume: true });
    assert.equal(await bytesOf(folder), await bytesOf(whole));

    const from = `method.init_from=${whole}`;
    const { folder: still } = await run('still', [...method, from, 'training.learning_rate=1e-30']);
    assert.equal(await bytesOf(still), await bytesOf(whole));
    assert.notEqual(await bytesOf((await run('on', [...method, from])).folder), await bytesOf(whole));
    const config = async (at: string) => JSON.parse(await readFile(join(at, configName), 'utf8'));
    assert.deepEqual(await config(still), await config(whole));
  });
}

test('PiSSA: stopped and resumed it is the same run; training goes on from the LORA of twice the rank that is stored', async () => {
  const bytesOf = (folder: string) => readFile(join(folder, weightsName), 'hex');
  const method = ['method={peft_type: LORA, r: 2, init_lora_weights: pissa_niter_4}', 'training.optim=lora_fa'];
  const { folder: whole, events } = await run('whole', method);
  await run('stopped', method, { stopAt: 3 });
  const { folder } = await run('stopped', method, { resume: true });
  assert.equal(await bytesOf(folder), await bytesOf(whole));
  const losses = events.flatMap((event) => (event.event === 'eval' ? [event.loss] : []));

  const from = `method={peft_type: LORA, init_from: ${whole}}`;
  const still = await run('still', [from, 'training.learning_rate=1e-30']);
  assert.equal(await bytesOf(still.folder), await bytesOf(whole));
  const [again] = still.events.flatMap((event) => (event.event === 'eval' ? [event.loss] : []));
  assert.ok(Math.abs(again! - losses.at(-1)!) < 1e-5);
  assert.notEqual(await bytesOf((await run('on', [from, 'training.optim=lora_fa'])).folder), await bytesOf(whole));
});

test('an adapter whose tensors are not those that are to be trained is no place to start from', async () => {
  const { folder: from } = await run('from', ['method={peft_type: LORA, r: 2}']);
  for (const [keys, tensor] of [
    ['r: 4', String.raw`lora_A\.weight \[2, 48\]`],
    ['use_dora: true', 'lora_magnitude_vector'],
    ['target_modules: [q_proj]', String.raw`v_proj\.lora_A`],
  ] as const) {
    await assert.rejects(run('other', [`method={peft_type: LORA, init_from: ${from}, ${keys}}`]), (error) => {
      assert.ok(SoftpromptError.is(error, 'adapter-unusable'), String(error));
      assert.match(error.message, new RegExp(tensor));
      return true;
    });
  }
});

const encoders = {
  P_TUNING: 'method={peft_type: P_TUNING, encoder_hidden_size: 8}',
  PREFIX_TUNING: 'method={peft_type: PREFIX_TUNING, prefix_projection: true, num_virtual_tokens: 3}',
};

for (const [type, method] of Object.entries(encoders)) {
  const files = [weightsName, encoderName];
  const bytesOf = (folder: string) => Promise.all(files.map((name) => readFile(join(folder, name), 'hex')));
  const still = 'training.learning_rate=1e-30';

  test(`${type}: a run leaves its encoder beside PEFT's files; stopped and resumed it is the same run`, async () => {
    const whole = await run('whole', [method]);
    await run('stopped', [method], { stopAt: 3 });
    const { folder } = await run('stopped', [method], { resume: true });
    assert.deepEqual(await bytesOf(folder), await bytesOf(whole.folder));
  });

  test(`${type}: training goes on from the encoder; where there is none, from what it made`, async () => {
    const { folder: from } = await run('from', [method]);
    const on = [`method={peft_type: ${type}, init_from: ${from}}`];
    assert.deepEqual(await bytesOf((await run('still', [...on, still])).folder), await bytesOf(from));
    const [, encoder] = await bytesOf((await run('on', on)).folder);
    assert.notEqual(encoder, (await bytesOf(from))[1]);

    await rm(join(from, encoderName));
    const alone = await run('alone', [...on, still]);
    assert.ok(!(await readdir(alone.folder)).includes(encoderName));
    const weights = await readFile(join(alone.folder, weightsName));
    assert.ok(weights.equals(await readFile(join(from, weightsName))));
    const trained = await run('trained', on);
    assert.ok(!weights.equals(await readFile(join(trained.folder, weightsName))));
  });

  test(`${type}: an encoder that did not make the prompt beside it is refused`, async () => {
    const [{ folder: from }, { folder: other }] = [
      await run('a', [method]),
      await run('b', [method, 'training.seed=2']),
    ];
    await cp(join(other, encoderName), join(from, encoderName));
    await assert.rejects(run('mixed', [`method={peft_type: ${type}, init_from: ${from}}`]), (error) => {
      assert.ok(SoftpromptError.is(error, 'adapter-mismatch'), String(error));
      assert.match(error.message, /prompt_embeddings is not what the encoder in prompt_encoder\.safetensors makes/);
      return true;
    });
  });
}

test('seeds draw other first tensors, another order and another split', async () => {
  const bytes = async (name: string, seed: number) => {
    const { folder } = await run(name, [`training.seed=${seed}`]);
    return readFile(join(folder, weightsName), 'hex');
  };
  const first = await bytes('first', 1);
  assert.equal(await bytes('again', 1), first);
  assert.notEqual(await bytes('other', 2), first);
});

test('rows that the model cannot take are left out and counted, tokens it does not have are refused', async () => {
  const long = JSON.stringify({ input_ids: new Array(5000).fill(1) });
  await writeFile(join(dir, 'train.jsonl'), `${long}\n${'{"input_ids": [1, 2, 3]}\n'.repeat(5)}`);
  const { events } = await run('long', []);
  const [start] = events;
  assert.ok(start?.event === 'start' && start.rows_left_out === 1);
  await writeFile(join(dir, 'train.jsonl'), '{"input_ids": [1, 2, 160]}\n');
  await assert.rejects(run('unknown', []), /train\.jsonl, line 1: input_ids\[2\] is 160, not a token id below 160/);
});

test('rows of which nothing is supervised are counted; when all are, there is nothing to train on', async () => {
  const nothing = '{"input_ids": [1, 2], "labels": [-100, -100]}\n';
  const row = '{"input_ids": [1, 2, 3]}\n';
  const write = (train: string, validation: string) =>
    Promise.all([writeFile(join(dir, 'train.jsonl'), train), writeFile(join(dir, 'held.jsonl'), validation)]);
  const held = ['data={train: train.jsonl, validation: held.jsonl}'];
  await write(nothing.repeat(3) + row.repeat(3), row);
  // Batches of three rows in their order: the first step's loss is over nothing.
  const { events } = await run('some', [...held, 'training.shuffle=false']);
  const [start, first] = events;
  assert.ok(start?.event === 'start' && start.rows_unsupervised === 3);
  assert.ok(first?.event === 'step' && first.loss === 0 && first.grad_norm === 0);
  await write(nothing, row);
  await assert.rejects(run('none', held), /train\.jsonl: none of the training rows has a supervised token/);
  await write(row, nothing);
  await assert.rejects(run('held', held), /held\.jsonl: none of the validation rows has a supervised token/);
  await write('{"input_ids": [1]}\n', row);
  await assert.rejects(run('full', [...held, 'method={peft_type: FULL}']), /first token of a row cannot be supervised/);
});
