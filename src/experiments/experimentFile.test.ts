import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { hasSweep, parseExperiment, readExperiment, restoreExperiment } from './experimentFile.ts';

const file = '/w/reviews.tune.yaml';

/** The example of docs/design.md. */
const example = `model: models/tiny                 # Hugging Face directory
task: causal_lm
data:
  train: data/reviews.train.jsonl
  validation: data/reviews.val.jsonl
  test: data/reviews.test.jsonl
template:
  input: "Review: {{text}}\\nSentiment:"
  target: " {{label}}"
labels: [negative, positive]
method:
  peft_type: PROMPT_TUNING
  num_virtual_tokens: 20
  prompt_tuning_init: TEXT
  prompt_tuning_init_text: "Classify the sentiment of the review."
training:
  num_train_epochs: 3
  per_device_train_batch_size: 8
  gradient_accumulation_steps: 1
  learning_rate: 0.3
  lr_scheduler_type: linear
  warmup_steps: 20
  weight_decay: 0.0
  max_grad_norm: 1.0
  optim: adamw
  adam_beta1: 0.9
  adam_beta2: 0.999
  adam_epsilon: 1.0e-8
  eval_steps: 50
  early_stopping_patience: 3
  shuffle: true
  seed: 42
  device: auto
evaluation:
  metrics: [accuracy, f1, perplexity]
  baselines:
    zero_shot: { prompt: "Is this review positive or negative? {{text}}" }
    few_shot: { prompt: "Review: {{text}}\\nSentiment:", shots: 4 }
sweep:
  method.num_virtual_tokens: [5, 20, 50]
  training.learning_rate: [0.1, 0.3]
`;

const least = 'model: m\ndata: {train: t.jsonl}\nmethod: {peft_type: FULL}\n';

/** The problems as `line:column key message`. */
function problemsOf(text: string, overrides: readonly string[] = []): string[] {
  return parseExperiment(text, file, overrides).problems.map((p) => `${p.line}:${p.column} ${p.key} ${p.message}`);
}

test('reads the example of the design, with paths relative to the file', () => {
  const { loaded } = parseExperiment(example, file);
  assert.ok(loaded);
  assert.equal(loaded.name, 'reviews');
  assert.equal(loaded.experiment.model, '/w/models/tiny');
  assert.equal(loaded.experiment.data.test, '/w/data/reviews.test.jsonl');
  assert.equal(loaded.effective.model, 'models/tiny');
  assert.equal(loaded.experiment.training.adam_epsilon, 1e-8);
  assert.equal(loaded.experiment.evaluation.baselines.few_shot?.shots, 4);
});

test('names every problem at once, each at its line and column', () => {
  const text = `model: 3
data:
  trian: a.jsonl
method:
  peft_type: PROMPT
training:
  learning_rte: 1
  seed: x
  lr_scheduler_type: step
labels: [a]
`;
  const methods = problemsOf(text).find((p) => p.startsWith('5:'));
  assert.match(methods ?? '', /^5:14 method\.peft_type expected one of PROMPT_TUNING, .*FULL, .*, found "PROMPT"$/);
  assert.deepEqual(
    problemsOf(text)
      .filter((p) => p !== methods)
      .sort(),
    [
      '10:9 labels expected at least 2 item(s), found a list',
      '1:8 model expected a text, found 3',
      '2:1 data.train a text is missing',
      '3:3 data.trian unknown key "trian"; did you mean "train"?',
      '7:3 training.learning_rte unknown key "learning_rte"; did you mean "learning_rate"?',
      '8:9 training.seed expected a number, found "x"',
      '9:22 training.lr_scheduler_type expected one of linear, cosine, constant, found "step"',
    ],
  );
});

test('checks keys that only make sense together', () => {
  assert.deepEqual(problemsOf(`${least}training: {early_stopping_patience: 2}\n`), [
    '4:37 training.early_stopping_patience needs data.validation or data.validation_split',
  ]);
  assert.deepEqual(
    problemsOf('model: m\ndata: {train: t}\nmethod: {peft_type: PROMPT_TUNING, prompt_tuning_init: TEXT}'),
    ['3:1 method.prompt_tuning_init_text is needed with prompt_tuning_init: TEXT'],
  );
});

test('checks every value of a sweep in the place it is meant for', () => {
  const sweep = 'sweep:\n  training.seed: [1, x]\n  training.sed: [1]\n  method.r: [4]\n';
  assert.deepEqual(problemsOf(least + sweep), [
    '5:22 sweep.training.seed.1 expected a number, found "x"',
    '6:3 sweep.training.sed unknown key "sed"; did you mean "seed"?',
    '7:14 sweep.method.r.0 unknown key "r"',
  ]);
});

test('--set sets dotted keys with YAML values, null takes a key away, and its paths are relative to the file', () => {
  const { loaded } = parseExperiment(`${least}labels: [a, b]\n`, file, [
    'training.learning_rate=1e-3',
    'training.max_steps=7',
    'data.train=../rows.jsonl',
    'labels=null',
    'method={peft_type: PROMPT_TUNING, num_virtual_tokens: 3}',
    'evaluation.baselines.plain.prompt=a = {{text}}',
  ]);
  assert.ok(loaded);
  assert.equal(loaded.experiment.training.learning_rate, 1e-3);
  assert.equal(loaded.experiment.training.max_steps, 7);
  assert.equal(loaded.experiment.data.train, '/rows.jsonl');
  assert.equal(loaded.experiment.labels, undefined);
  assert.partialDeepStrictEqual(loaded.experiment.method, { num_virtual_tokens: 3 });
  assert.equal(loaded.experiment.evaluation.baselines.plain?.prompt, 'a = {{text}}');
});

test('a wrong --set is named itself, not a line of the file', () => {
  for (const [setting, problem] of [
    ['training.lerning_rate=1', /unknown key "lerning_rate"; did you mean "learning_rate"\?/],
    ['training.learning_rate=high', /expected a number, found "high"/],
    ['training.learning_rate', /is not KEY=VALUE/],
    ['=3', /is not KEY=VALUE/],
    ['training.__proto__.polluted=1', /is not KEY=VALUE/],
    ['training.seed=[', /is not KEY=VALUE/],
    ['model.x=1', /unknown key "x"/],
  ] as const) {
    assert.throws(
      () => parseExperiment(least, file, [setting]),
      (error) => SoftpromptError.is(error, 'setting-invalid') && problem.test(error.message),
      setting,
    );
  }
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test('hostile YAML is refused in words', () => {
  const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefghi'
    .split('')
    .map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(', ')}]`)
    .join('\n')}\n`;
  for (const [text, problem] of [
    ['', /is empty/],
    ['# nothing\n', /is empty/],
    ['- a\n- b\n', /is not a mapping/],
    ['just text', /is not a mapping/],
    ['model: a\nmodel: b\n', /Map keys must be unique/],
    ['model:\n\t- a\n', /Tabs are not allowed|tab/i],
    ['model: "a\n', /./],
    [bomb, /alias/i],
    ['method: &m {peft_type: FULL, x: *m}\nmodel: m\ndata: {train: t}\n', /./],
    [`model: ${'['.repeat(20_000)}`, /./],
    ['x'.repeat(1_000_001), /larger than an experiment/],
    ['a: 1\n---\nb: 2\n', /document/i],
  ] as const) {
    const { loaded, problems } = parseExperiment(text, file);
    assert.equal(loaded, null, text.slice(0, 40));
    assert.match(problems[0]?.message ?? '', problem, text.slice(0, 40));
    assert.ok(problems[0]!.line >= 1 && problems[0]!.column >= 1);
  }
});

test('the error of a file on disk names file, line and column; a missing file says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'softprompt-'));
  const bad = join(folder, 'bad.tune.yaml');
  writeFileSync(bad, 'model: m\ndata: {train: 1}\nmethod: {peft_type: FULL}\n');
  await assert.rejects(readExperiment(bad), (error: Error) =>
    error.message.startsWith(`${bad}:2:15: data.train: expected a text, found 1`),
  );
  await assert.rejects(readExperiment(join(folder, 'none.tune.yaml')), (e) => SoftpromptError.is(e, 'file-missing'));
  await assert.rejects(readExperiment(folder), (e) => SoftpromptError.is(e, 'file-unreadable'));
});

test("a run's record restores the experiment as it was", () => {
  const { loaded } = parseExperiment(example, file, ['training.seed=7']);
  const copy = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  assert.deepEqual(restoreExperiment(copy(loaded?.written), file), loaded);
  const restored = restoreExperiment(copy(loaded?.effective), file);
  assert.deepEqual(restored, { ...loaded, written: loaded?.effective });
});

test('a file without a name of its own is refused: its adapters would lie outside their folder', () => {
  for (const name of ['.tune.yaml', '..tune.yaml', '...tune.yaml']) {
    const { loaded, problems } = parseExperiment(least, `/w/${name}`);
    assert.equal(loaded, null);
    assert.match(problems[0]!.message, /named after the file/);
  }
  assert.equal(parseExperiment(least, '/w/.hidden.tune.yaml').loaded?.name, '.hidden');
});

test('tells a file with a sweep from others, whatever else is wrong with them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'softprompt-'));
  const says = (text: string): Promise<boolean> => {
    const path = join(folder, 'x.tune.yaml');
    writeFileSync(path, text);
    return hasSweep(path);
  };
  assert.equal(await says('sweep: { training.seed: [1, 2] }\nmodle: m\n'), true);
  for (const text of ['model: m\n', '# sweep:\n', 'data: { sweep: {} }\n', 'sweep:\n', '- sweep\n', 'a: [', '']) {
    assert.equal(await says(text), false, text);
  }
  assert.equal(await hasSweep(join(folder, 'missing.tune.yaml')), false);
});
