import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TrainingEvent } from '../src/training/events.ts';
import { softprompt } from './softprompt.ts';

const golden = join(import.meta.dirname, 'golden/peft021');
const trainCase = join(golden, 'train/prompt-llama3-sample');
const expected = JSON.parse(readFileSync(join(trainCase, 'case.json'), 'utf8')) as {
  loss: number[];
  final_row_loss: number[];
  final_row_token_logprobs: number[][];
};

/** A folder with an experiment that repeats the golden training run. */
function workspace(changes = ''): { folder: string; file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'softprompt-'));
  const file = join(folder, 'golden.tune.yaml');
  writeFileSync(
    file,
    `model: ${golden}/models/llama3-a
data: { train: ${trainCase}/train.jsonl, test: ${trainCase}/train.jsonl }
method: { peft_type: PROMPT_TUNING, num_virtual_tokens: 6, init_from: ${trainCase}/init }
training:
  max_steps: 24
  per_device_train_batch_size: 4
  learning_rate: 0.03
  lr_scheduler_type: constant
  max_grad_norm: 0
  shuffle: false
  device: cpu
${changes}`,
  );
  return { folder, file };
}

test('train prints every step of the reference, then where the adapter lies; score and evaluate take it up', async () => {
  const { folder, file } = workspace();
  const trained = await softprompt(['train', file, '--json']);
  assert.equal(trained.code, 0, trained.stderr);
  const events = trained.json() as unknown as TrainingEvent[];
  const steps = events.filter((event) => event.event === 'step');
  assert.deepEqual(
    steps.map(({ step }) => step),
    expected.loss.map((_, i) => i + 1),
  );
  for (const { step, loss, learning_rate } of steps) {
    assert.ok(Math.abs(loss - expected.loss[step - 1]!) < 2e-4, `step ${step}`);
    assert.equal(learning_rate, 0.03);
  }
  const done = events.at(-1);
  assert.ok(done?.event === 'done');
  assert.equal(done.adapter, join(folder, '.softprompt/adapters/golden/1'));

  const data = join(trainCase, 'train.jsonl');
  const scored = await softprompt([
    'score',
    '--model',
    `${golden}/models/llama3-a`,
    '--adapter',
    done.adapter,
    '--data',
    data,
    '--device',
    'cpu',
    '--json',
  ]);
  assert.equal(scored.code, 0, scored.stderr);
  for (const [i, row] of scored.json().entries()) {
    assert.ok(Math.abs((row.loss as number) - expected.final_row_loss[i]!) < 2e-4, `row ${i}`);
    const logprobs = row.token_logprobs as number[];
    assert.equal(logprobs.length, expected.final_row_token_logprobs[i]!.length);
    for (const value of logprobs) assert.equal(Math.fround(value), value, 'full float32 precision');
  }

  const evaluated = await softprompt(['evaluate', file, '--adapter', 'golden', '--adapter', done.adapter, '--json']);
  assert.equal(evaluated.code, 0, evaluated.stderr);
  const [result, ...more] = evaluated.json() as { arms: { name: string }[]; rows: unknown[] }[];
  assert.equal(more.length, 0);
  assert.deepEqual(
    result?.arms.map(({ name }) => name),
    ['base', 'golden 1'],
  );
  assert.equal(result?.rows.length, expected.final_row_loss.length);
});

test('generate gives the reference’s tokens, with and without an adapter', async () => {
  for (const name of ['llama3-prompt', 'llama3-base']) {
    const reference = JSON.parse(readFileSync(join(golden, `generate/${name}.json`), 'utf8')) as {
      adapter: string | null;
      max_new_tokens: number;
      rows: { input_ids: number[]; new_tokens: number[] }[];
    };
    const { input_ids, new_tokens } = reference.rows[0]!;
    const adapter = reference.adapter ? ['--adapter', join(golden, reference.adapter)] : [];
    const ended = await softprompt([
      ...['generate', '--model', `${golden}/models/llama3-a`, ...adapter, '--input-ids', JSON.stringify(input_ids)],
      ...['--max-new-tokens', String(reference.max_new_tokens), '--ignore-eos', '--device', 'cpu', '--json'],
    ]);
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(ended.json(), [{ output_ids: new_tokens, text: null }]);
  }
});

test('--output, --set and --device are followed', async () => {
  const { folder, file } = workspace();
  const output = join(folder, 'deep/out');
  const args = ['train', file, '--output', output, '--set', 'training.max_steps=2', '--set', 'name=x'];
  assert.equal((await softprompt(args)).code, 2);
  const ended = await softprompt([...args.slice(0, -2), '--device', 'cpu']);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, new RegExp(`Adapter: ${output}\n`));
  assert.deepEqual(readdirSync(output).sort(), ['adapter_config.json', 'adapter_model.safetensors', 'card.json']);
});

test('a training stopped by Ctrl-C, or killed, and resumed gives the bytes of one that ran through', async () => {
  const { folder, file } = workspace('  save_steps: 40\n');
  const more = ['--set', 'training.max_steps=600', '--json'];
  const finished = await softprompt(['train', file, ...more]);
  assert.equal(finished.code, 0, finished.stderr);

  let asked = false;
  const stopped = await softprompt(['train', file, ...more], {
    onLine: (line, kill) => {
      if (!asked && line.includes('"step"')) kill('SIGINT');
      asked ||= line.includes('"step"');
    },
  });
  assert.equal(stopped.code, 1);
  const run = /--resume (\S+)/.exec(stopped.stderr)?.[1];
  assert.ok(run, stopped.stderr);
  assert.equal(stopped.json().at(-1)?.reason, 'stopped');
  assert.equal(stopped.json().at(-2)?.event, 'checkpoint');
  const resumed = await softprompt(['train', file, '--resume', run, '--json']);
  assert.equal(resumed.code, 0, resumed.stderr);

  const killed = await softprompt(['train', file, ...more], {
    onLine: (line, kill) => {
      if (line.includes('"checkpoint"')) kill('SIGKILL');
    },
  });
  assert.equal(killed.code, null);
  const killedRun = readdirSync(join(folder, '.softprompt/runs')).sort().at(-1)!;
  const again = await softprompt(['train', file, '--resume', killedRun, '--json']);
  assert.equal(again.code, 0, again.stderr);
  assert.ok((again.json()[0]?.resumed_from as number) >= 40);

  const bytes = [finished, resumed, again].map((ended) => {
    return readFileSync(join(ended.json().at(-1)?.adapter as string, 'adapter_model.safetensors'));
  });
  assert.ok(bytes[1]!.equals(bytes[0]!), 'stopped and resumed');
  assert.ok(bytes[2]!.equals(bytes[0]!), 'killed and resumed');
  const refused = await softprompt(['train', file, '--resume', run]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /is finished/);
});

test('merge writes a model folder that scores as the base model does with the adapter', async () => {
  const { folder } = workspace();
  const [model, adapter, output] = [
    join(golden, 'models/llama3-a'),
    join(golden, 'train/lora-llama3/final'),
    join(folder, 'merged'),
  ];
  const args = ['merge', '--model', model, '--adapter', adapter, '--output', output];
  const ended = await softprompt([...args, '--max-shard-size', '100kB', '--json']);
  assert.equal(ended.code, 0, ended.stderr);
  const [result, ...more] = ended.json() as {
    output: string;
    changed: string[];
    logits: { largest_change: number };
  }[];
  assert.equal(more.length, 0);
  assert.equal(result!.output, output);
  assert.equal(result!.changed.length, 6);
  assert.ok(result!.logits.largest_change < 5e-5);
  assert.ok(readdirSync(output).includes('model.safetensors.index.json'));
  const data = ['--data', join(golden, 'train/lora-llama3/train.jsonl'), '--device', 'cpu', '--json'];
  const inside = (await softprompt(['score', '--model', output, ...data])).json();
  const beside = (await softprompt(['score', '--model', model, '--adapter', adapter, ...data])).json();
  for (const [i, { loss }] of inside.entries()) {
    assert.ok(Math.abs((loss as number) - (beside[i]!.loss as number)) < 1e-5, `row ${i}`);
  }
  const again = await softprompt(args);
  assert.equal(again.code, 2);
  const text = await softprompt([...args.slice(0, -1), join(folder, 'other')]);
  assert.match(
    text.stdout,
    /^LORA worked into 6 of 30 tensors; the others keep their bytes\.\nLogits .*largest change/,
  );
});

test('combine says how far it is from the exact sum, then saves to the library or to a folder', async () => {
  const { folder } = workspace();
  const inputs = join(golden, 'merge/weighted-llama3/adapters');
  const args = [
    ...['combine', '--model', join(golden, 'models/llama3-a')],
    ...['--adapter', `${inputs}/a1=0.7`, '--adapter', `${inputs}/a2=-0.5`],
  ];
  const named = await softprompt([...args, '--name', 'mixed', '--json'], { cwd: folder });
  assert.equal(named.code, 0, named.stderr);
  const [combined, saved] = named.json() as [{ r: number; residual: { overall: number } }, { adapter: string }];
  assert.equal(combined.r, 8);
  assert.ok(combined.residual.overall < 1e-6);
  assert.ok(saved.adapter.endsWith(join('.softprompt', 'adapters', 'mixed', '1')));
  const card = JSON.parse(readFileSync(join(saved.adapter, 'card.json'), 'utf8'));
  assert.deepEqual(card.combined.adapters, [
    { adapter: 'a1', weight: 0.7 },
    { adapter: 'a2', weight: -0.5 },
  ]);
  const audit = JSON.parse(readFileSync(join(folder, '.softprompt/audit.jsonl'), 'utf8'));
  assert.deepEqual([audit.action, audit.adapter, audit.detail], ['combined', 'mixed@1', 'exact: 0.7 x a1 + -0.5 x a2']);
  const output = join(folder, 'deep/out');
  const lossy = ['--adapter', 'mixed=1', '--method', 'svd', '--rank', '2', '--output', output];
  const text = await softprompt([...args.slice(0, 3), ...lossy], { cwd: folder });
  assert.match(
    text.stdout,
    /^1 x mixed 1, by svd: 2 modules, rank 2\nError against the exact sum: 0\.\d+.*\n.*another adapter/,
  );
  assert.deepEqual(readdirSync(output).sort(), ['adapter_config.json', 'adapter_model.safetensors', 'card.json']);
  assert.deepEqual(readdirSync(join(folder, '.softprompt/adapters')), ['mixed']);
  const merged = ['merge', ...args.slice(1, 3), '--adapter', 'mixed@1', '--output', join(folder, 'merged')];
  assert.equal((await softprompt(merged, { cwd: folder })).code, 0);
  const lines = readFileSync(join(folder, '.softprompt/audit.jsonl'), 'utf8').trimEnd().split('\n');
  const last = JSON.parse(lines.at(-1)!);
  assert.deepEqual([last.action, last.adapter], ['merged', 'mixed@1']);
});

test('a wrong request ends with 2 and says on standard error what is wrong and where', async () => {
  const { folder, file } = workspace();
  const model = ['--model', `${golden}/models/llama3-a`, '--device', 'cpu'];
  const rows = join(folder, 'rows.jsonl');
  writeFileSync(rows, '{"input_ids": [1, 2]}\n{"input_ids": [1, 999999]}\n');
  const [prompt, finished] = [join(trainCase, 'final'), join(golden, 'train/lora-llama3/final')];
  const bad = join(folder, 'bad.tune.yaml');
  writeFileSync(bad, 'model: m\ndata: {trian: t}\nmethod: {peft_type: PROMPT_TUNING}\n');
  const lora = join(folder, 'lora.tune.yaml');
  writeFileSync(lora, readFileSync(file, 'utf8').replace(/^method.*$/m, 'method: { peft_type: XLORA }'));
  for (const [args, words] of [
    [[], /Usage/],
    [['trian'], /unknown command/],
    [['train'], /missing required argument/],
    [['train', file, '--jsno'], /unknown option/],
    [['train', join(folder, 'none.tune.yaml')], /none\.tune\.yaml: no such file/],
    [['train', folder], /is a (folder|directory)/i],
    [['train', bad], /bad\.tune\.yaml:2:8: data\.trian: unknown key "trian"; did you mean "train"\?/],
    [['train', lora], /XLORA/],
    [['train', file, '--set', 'training.lr=1'], /--set training\.lr=1: unknown key "lr"/],
    [['train', file, '--set', 'model=/nowhere'], /\/nowhere/],
    [['train', file, '--set', `data.train=${rows}`], /rows\.jsonl, line 2: .*999999/],
    [['train', file, '--device', 'abacus'], /device.*abacus/],
    [['train', file, '--output', rows], /is a file, not a folder/],
    [['train', file, '--output', join(rows, 'x')], /--output .*rows\.jsonl is a file/],
    [['train', file, '--set', 'method.num_virtual_tokns=6'], /did you mean "num_virtual_tokens"\?\n/],
    [['train', file, '--device', 'dml', '--json'], /Device "dml" is not supported/],
    [['train', file, '--resume', 'none'], /there is no run "none"/],
    [['evaluate', file], /required option '--adapter/],
    [['evaluate', file, '--adapter', 'none'], /No adapter "none"/],
    [['evaluate', file, '--adapter', folder], /no adapter folder/],
    [['score', ...model], /required option '--data/],
    [['score', ...model, '--data', rows], /rows\.jsonl, line 2/],
    [['score', '--model', folder, '--data', rows], /config\.json/],
    [['generate', ...model], /--prompt, --input-ids/],
    [['generate', ...model, '--input-ids', '[1', '--json'], /is not JSON/],
    [['generate', ...model, '--input-ids', '[1.5]'], /no token id/],
    [['generate', ...model, '--input-ids', '[-1]'], /no token id/],
    [['generate', ...model, '--input-ids', '[999999]'], /999999 is no token/],
    [['generate', ...model, '--input-ids', '[1]', '--max-new-tokens', '0'], /whole number/],
    [['generate', ...model, '--prompt', 'x'], /tokenizer\.json/],
    [['combine', ...model.slice(0, 2), '--adapter', finished, '--name', 'x'], /has no weight; give NAME=WEIGHT/],
    [['combine', ...model.slice(0, 2), '--adapter', `${finished}=1`], /--output, --name: give one of the two/],
    [['combine', ...model.slice(0, 2), '--adapter', `${finished}=1`, '--name', '../x'], /no name of a folder/],
    [
      ['combine', ...model.slice(0, 2), '--adapter', `${finished}=1`, '--name', 'x', '--method', 'ties'],
      /ties needs it/,
    ],
    [
      ['combine', ...model.slice(0, 2), '--adapter', `${finished}=1`, '--name', 'x', '--method', 'mean'],
      /none of exact, cat/,
    ],
    [
      ['combine', ...model.slice(0, 2), '--adapter', `${prompt}=1`, '--output', join(folder, 'out')],
      /PROMPT_TUNING; only LORA/,
    ],
    [['merge', ...model.slice(0, 2), '--adapter', 'none', '--output', join(folder, 'out')], /No adapter "none"/],
    [
      ['merge', ...model.slice(0, 2), '--adapter', prompt, '--output', join(folder, 'out')],
      /PROMPT_TUNING .* virtual tokens/,
    ],
    [['merge', ...model.slice(0, 2), '--adapter', finished, '--output', folder], /is not empty/],
    [['merge', ...model.slice(0, 2), '--adapter', finished, '--output', 'x', '--max-shard-size', '5'], /such as 5GB/],
  ] as const) {
    const ended = await softprompt(args);
    assert.equal(ended.code, 2, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`);
    assert.match(ended.stderr, words, args.join(' '));
    assert.equal(ended.stdout, '', args.join(' '));
  }
  assert.ok(!readdirSync(folder).includes('.softprompt') || readdirSync(join(folder, '.softprompt/runs')).length === 0);
});

test('export writes each format, and says what became of the logits', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'softprompt-'));
  const lora = join(import.meta.dirname, 'golden/adapters/lora-reference');
  const args = ['export', '--model', `${golden}/models/llama3-a`, '--adapter', lora, '--json'];
  for (const [format, output, files] of [
    ['peft', 'half', ['half']],
    ['gguf', 'lora.gguf', ['lora.gguf']],
    ['onnx', 'model.onnx', ['model.onnx', 'model.onnx_data']],
  ] as const) {
    const done = await softprompt([...args, '--format', format, '--dtype', 'f16', '--output', join(folder, output)]);
    assert.equal(done.code, 0, done.stderr);
    const [report] = done.json() as [{ files: string[]; bytes: number; logits: { largest_change: number } }];
    assert.deepEqual(
      report.files,
      files.map((file) => join(folder, file)),
    );
    assert.ok(report.bytes > 0 && report.logits.largest_change > 0 && report.logits.largest_change < 0.1);
  }
  assert.deepEqual(readdirSync(folder).sort(), ['half', 'lora.gguf', 'model.onnx', 'model.onnx_data']);
  const words = await softprompt([...args.slice(0, -1), '--format', 'peft', '--output', 'out'], { cwd: folder });
  assert.match(words.stdout, /^Wrote out\n[\d,]+ bytes\nLogits at 64 positions of random tokens: largest change 0/);
  for (const [more, pattern] of [
    [['--format', 'tflite', '--output', 'x'], /--format: "tflite" is none of peft, gguf, onnx/],
    [['--format', 'peft', '--dtype', 'q4', '--output', 'x'], /--dtype: "q4" is none of f32, f16, bf16/],
    [['--format', 'gguf', '--output', join(folder, 'out')], /--output: must end with \.gguf/],
  ] as const) {
    const refused = await softprompt([...args, ...more], { cwd: folder });
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, pattern);
  }
});

test('a row without a supervised token has no loss, and score says so', async () => {
  const { folder } = workspace();
  const rows = join(folder, 'rows.jsonl');
  writeFileSync(rows, '{"input_ids": [1, 2], "labels": [-100, -100]}\n{"input_ids": [1, 2]}\n');
  const args = ['score', '--model', `${golden}/models/llama3-a`, '--device', 'cpu', '--data', rows];
  const text = await softprompt(args);
  assert.match(text.stdout, /^row 1: no supervised token, so no loss\nrow 2: loss \d/);
  const scores = (await softprompt([...args, '--json'])).json() as { token_logprobs: number[] }[];
  assert.deepEqual(scores[0], { loss: null, token_logprobs: [] });
  assert.deepEqual(
    scores.map((score) => score.token_logprobs.length),
    [0, 1],
  );
});

test('help needs no engine, and says so with 0', async () => {
  const watch = `data:text/javascript,${encodeURIComponent(
    'process.on("exit", () => console.error("native:", process.report.getReport().sharedObjects.filter((f) => f.includes("onnxruntime")).length))',
  )}`;
  const ended = await softprompt(['train', '--help'], { node: ['--import', watch] });
  assert.equal(ended.code, 0);
  assert.match(ended.stdout, /Usage: softprompt train .*FILE\.tune\.yaml/);
  assert.match(ended.stderr, /native: 0/);
});

test('devices and doctor say what works, one JSON object a line', async () => {
  const devices = await softprompt(['devices', '--json']);
  assert.equal(devices.code, 0, devices.stderr);
  const cpu = devices.json().find(({ device }) => device === 'cpu');
  assert.equal(cpu?.works, true);
  const doctor = await softprompt(['doctor', '--json']);
  assert.equal(doctor.code, 0, doctor.stdout);
  for (const finding of doctor.json()) assert.equal(typeof finding.detail, 'string');
});

test('check: what the card of a trained adapter knows need not be said; a changed base is red with what to do', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'softprompt-check-'));
  const sample = join(import.meta.dirname, '../samples');
  cpSync(join(sample, 'models/tiny'), join(folder, 'models/tiny'), { recursive: true });
  cpSync(join(sample, 'data'), join(folder, 'data'), { recursive: true });
  cpSync(join(sample, 'commit-kind.tune.yaml'), join(folder, 'kind.tune.yaml'));
  const trained = await softprompt(['train', 'kind.tune.yaml', '--set', 'training.max_steps=2'], { cwd: folder });
  assert.equal(trained.code, 0, trained.stderr);

  const sound = await softprompt(['check', '--adapter', 'kind', '--json'], { cwd: folder });
  assert.equal(sound.code, 0, sound.stderr + sound.stdout);
  const names = ['base', 'padding', 'swap', 'reload', 'effect', 'end_of_text', 'gradient', 'overfit'];
  assert.deepEqual(
    sound.json().map(({ name, passed }) => [name, passed]),
    names.map((name) => [name, true]),
  );
  const cardFile = join(folder, '.softprompt/adapters/kind/1/card.json');
  assert.deepEqual((JSON.parse(readFileSync(cardFile, 'utf8')) as { checks: unknown }).checks, sound.json());

  writeFileSync(
    join(folder, 'models/tiny/config.json'),
    `${readFileSync(join(folder, 'models/tiny/config.json'), 'utf8')} `,
  );
  const changed = await softprompt(['check', '--adapter', 'kind'], { cwd: folder });
  assert.equal(changed.code, 1);
  assert.match(
    changed.stdout,
    /FAILED +base model unchanged: 1\.00 \(at most 0\).*\n +Load the model the adapter was trained on/,
  );
  assert.match(changed.stdout, /ok +padding changes nothing/);

  const bare = await softprompt(['check', '--adapter', join(golden, '../adapters/prompt-unknown-keys')], {
    cwd: folder,
  });
  assert.equal(bare.code, 2);
  assert.match(bare.stderr, /--model: is needed/);
});

test('preview and train say where a method acts, and warn of a target that matches nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'softprompt-preview-'));
  const sample = join(import.meta.dirname, '../samples');
  for (const part of ['models', 'data']) cpSync(join(sample, part), join(folder, part), { recursive: true });
  const file = join(folder, 'commit-kind.tune.yaml');
  cpSync(join(sample, 'commit-kind.tune.yaml'), file);
  const sets = ['--set', 'method={peft_type: LORA, target_modules: [q_proj, v_prj]}', '--set', 'training.max_steps=1'];
  const { code, stdout } = await softprompt(['preview', file, ...sets], { cwd: folder });
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^Acts on \d+ modules: q_proj\nWarning: target_modules names v_prj, .*\n( {2}.*q_proj \[\d+ -> \d+\]\n)+Trains [\d,]+ of/,
  );
  const [json] = (await softprompt(['preview', file, '--json', ...sets], { cwd: folder })).json();
  assert.deepEqual((json as { method: { unmatched: unknown } }).method.unmatched, ['v_prj']);
  const output = ['--output', join(folder, 'adapter')];
  const trained = await softprompt(['train', file, ...sets, ...output], { cwd: folder });
  assert.match(trained.stderr, /Acts on \d+ modules: q_proj\nWarning: target_modules names v_prj/);
});
