import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { listComparisons, readComparedArms } from '../src/experiments/comparisonStore.ts';
import { softprompt } from './softprompt.ts';

const samples = join(import.meta.dirname, '../samples');
const folder = mkdtempSync(join(tmpdir(), 'compare-'));
after(() => rmSync(folder, { recursive: true }));

for (const [name, count] of Object.entries({ train: 32, val: 8, test: 16 })) {
  const rows = readFileSync(join(samples, `data/commit-kind.${name}.jsonl`), 'utf8').split('\n');
  writeFileSync(join(folder, `${name}.jsonl`), rows.slice(0, count).join('\n'));
}
const file = join(folder, 'kind.tune.yaml');
writeFileSync(
  file,
  `model: ${samples}/models/tiny
data: { train: train.jsonl, validation: val.jsonl, test: test.jsonl }
template: { input: "Input: {{message}}\\nOutput:", target: " {{kind}}" }
labels: [feat, fix, perf, refactor, docs, test, build, ci]
method: { peft_type: PROMPT_TUNING, num_virtual_tokens: 2 }
training: { num_train_epochs: 1, per_device_train_batch_size: 8, learning_rate: 0.25, device: cpu }
evaluation: { baselines: { asked: { prompt: "{{message}}" } } }
`,
);
const compare = (...more: string[]) => softprompt(['compare-methods', file, ...more], { cwd: folder });

interface Compared {
  readonly metric: string;
  readonly methods: readonly Record<string, number | string | boolean | null>[];
  readonly verdicts: readonly string[];
}

test('methods are trained alike under one budget of steps and end in one table', async () => {
  // PROMPT_TUNING's own keys stay; a method that does not fit the model says so and keeps none from being compared.
  const methods = ['--methods', 'PROMPT_TUNING,LORA,IA3'];
  const ended = await compare(...methods, '--steps', '3', '--format', 'json');
  assert.equal(ended.code, 0, ended.stderr);
  const [found] = ended.json() as unknown as [Compared];
  assert.equal(found.metric, 'accuracy');
  const rows = Object.fromEntries(found.methods.map((row) => [row.name, row]));
  assert.deepEqual(Object.keys(rows).sort(), ['IA3', 'LORA', 'PROMPT_TUNING', 'asked', 'base']);
  for (const name of ['IA3', 'LORA', 'PROMPT_TUNING']) {
    const row = rows[name]!;
    assert.equal(row.steps, 3, name);
    for (const key of ['bytes', 'parameters', 'training_seconds', 'training_tokens_per_second', 'token_ms']) {
      assert.ok((row[key] as number) > 0, `${name} ${key}: ${row[key]}`);
    }
    assert.equal(row.error, null);
  }
  assert.equal(rows.PROMPT_TUNING!.learning_rate, 0.25, "the file's own method keeps its rate");
  assert.equal(rows.LORA!.learning_rate, 5e-5, 'another has its own');
  assert.equal(rows.PROMPT_TUNING!.parameters, 2 * 192);
  const scores = found.methods.map(({ score }) => score as number);
  assert.deepEqual(
    scores,
    scores.toSorted((a, b) => b - a),
  );
  assert.equal(found.methods[0]!.pareto, true);
  assert.ok(found.verdicts.length > 0);

  const [id, ...others] = readdirSync(join(folder, '.softprompt/comparisons'));
  assert.equal(others.length, 0);
  assert.deepEqual(readdirSync(join(folder, '.softprompt/comparisons', id!)).sort(), [
    ...['IA3', 'LORA', 'PROMPT_TUNING', 'comparison.json', 'evaluation.json'],
  ]);
  const [record] = await listComparisons(join(folder, '.softprompt'));
  assert.deepEqual([record?.id, record?.name, record?.trainings.length], [id, 'kind', 3]);
  const kept = (await readComparedArms(join(folder, '.softprompt'), id!))!;
  for (const arm of kept.arms.filter(({ kind }) => kind === 'adapter')) {
    assert.equal(arm.training_seconds, rows[arm.name]!.training_seconds);
  }
});

// Also with each method's rate searched first.
test('seconds become as many steps as each method takes in them; the table is Markdown', async () => {
  const ended = await compare('--methods', 'PROMPT_TUNING', '--seconds', '0.5', '--find-lr');
  assert.equal(ended.code, 0, ended.stderr);
  const [heading, rule, ...lines] = ended.stdout.split('\n');
  assert.match(heading!, /^\| method \| accuracy \| front \| parameters \|/);
  assert.match(rule!, /^\| --- \| ---: \|/);
  assert.ok(lines.some((line) => /^\| PROMPT_TUNING \| \d\.\d{3} \|/.test(line)));
  assert.match(ended.stderr, /PROMPT_TUNING: \d+ steps in/);
});

test('a method that cannot be trained says why beside the others, in CSV too', async () => {
  const broken = join(folder, 'broken.tune.yaml');
  const text = readFileSync(file, 'utf8').replace('num_virtual_tokens: 2', 'num_virtual_tokens: 100000');
  writeFileSync(broken, text);
  const args = ['compare-methods', broken, '--methods', 'PROMPT_TUNING,LN_TUNING', '--steps', '1', '--format', 'csv'];
  const ended = await softprompt(args, { cwd: folder });
  assert.equal(ended.code, 0, ended.stderr);
  const lines = ended.stdout.trim().split('\n');
  assert.match(lines[0]!, /^method,accuracy,front,parameters,%,bytes,/);
  assert.equal(lines.length, 5);
  assert.match(lines.at(-1)!, /^PROMPT_TUNING,,0,0,,0,.*[a-z]/);
});

test('a name that is no method and two budgets are refused', async () => {
  const unknown = await compare('--methods', 'LORA,LORB');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /LORB is none\.\s+Methods: PROMPT_TUNING/);
  assert.equal((await compare('--steps', '1', '--seconds', '1')).code, 2);
});
