import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { EvaluationResult } from '../src/evaluation/result.ts';
import type { TrainingEvent } from '../src/training/events.ts';
import { softprompt } from './softprompt.ts';

const folder = mkdtempSync(join(tmpdir(), 'unlikelihood-'));
after(() => rmSync(folder, { recursive: true }));
const samples = join(import.meta.dirname, '../samples');

interface Commit {
  readonly message: string;
  readonly kind: string;
}

const lines = (rows: readonly object[]): string => rows.map((row) => JSON.stringify(row)).join('\n');
const commits = (part: string): Commit[] =>
  readFileSync(join(samples, `data/commit-kind.${part}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Each commit with a kind that it is not, always the same one where that is possible. */
const withWrong = (rows: readonly Commit[]) =>
  rows.map((row) => ({ ...row, wrong: row.kind === 'feat' ? 'fix' : 'feat' }));

function experiment(name: string, unlikelihood: string): string {
  const file = join(folder, `${name}.tune.yaml`);
  writeFileSync(
    file,
    `model: ${samples}/models/tiny
data: { train: train.jsonl, test: test.jsonl }
template: { input: "Input: {{message}}\\nOutput:", target: " {{kind}}" }
labels: [feat, fix, perf, refactor, docs, test, build, ci]
method: { peft_type: PROMPT_TUNING, num_virtual_tokens: 8, prompt_tuning_init: SAMPLE_VOCAB }
training:
  max_steps: 30
  per_device_train_batch_size: 8
  learning_rate: 0.2
  eval_steps: 30
  device: cpu
${unlikelihood}`,
  );
  return file;
}

async function trainedSteps(file: string) {
  const trained = await softprompt(['train', file, '--json'], { cwd: folder });
  assert.equal(trained.code, 0, trained.stderr);
  return (trained.json() as unknown as TrainingEvent[]).filter((event) => event.event === 'step');
}

test('what training is told to avoid falls, by a column of the rows and by rows of its own, and evaluate says how far', async () => {
  writeFileSync(join(folder, 'train.jsonl'), lines(withWrong(commits('train'))));
  writeFileSync(join(folder, 'test.jsonl'), lines(withWrong(commits('test').slice(0, 40))));
  const avoid = withWrong(commits('train')).map(({ message, wrong }) => ({ message, kind: wrong }));
  writeFileSync(join(folder, 'avoid.jsonl'), lines(avoid));
  const plain = await trainedSteps(experiment('plain', ''));
  assert.ok(plain.every(({ unlikelihood }) => unlikelihood === undefined));
  const column = experiment('column', '  unlikelihood: { target: " {{wrong}}", alpha: 2 }\n');
  const steps = await trainedSteps(column);
  assert.ok(steps.every(({ unlikelihood }) => unlikelihood! > 0));
  // The same tokens are avoided, in the same order.
  const rows = await trainedSteps(experiment('rows', '  unlikelihood: { data: avoid.jsonl, alpha: 2 }\n'));
  assert.deepEqual(
    rows.map(({ loss, unlikelihood }) => [loss, unlikelihood]),
    steps.map(({ loss, unlikelihood }) => [loss, unlikelihood]),
  );

  const names = ['plain', 'column'].flatMap((name) => ['--adapter', name]);
  const evaluated = await softprompt(['evaluate', column, ...names, '--json'], { cwd: folder });
  assert.equal(evaluated.code, 0, evaluated.stderr);
  const [result] = evaluated.json() as unknown as EvaluationResult[];
  const [base, without, avoiding] = result!.arms.map(({ avoided }) => avoided!);
  assert.deepEqual([base!.rows, base!.change], [40, null]);
  assert.ok(avoiding!.log_probability! < without!.log_probability!);
  assert.equal(avoiding!.change, avoiding!.log_probability! - base!.log_probability!);
  const told = await softprompt(['evaluate', column, ...names], { cwd: folder });
  assert.match(told.stdout, /avoided +probability +of base +accuracy/);
  assert.match(told.stdout, /of a token of the 40 completions to avoid/);
});

test('what cannot be avoided is refused with the reason', async () => {
  const refused = async (unlikelihood: string, more: readonly string[] = []) => {
    const file = experiment('refused', `  unlikelihood: ${unlikelihood}\n`);
    const { code, stderr } = await softprompt(['train', file, ...more.flatMap((s) => ['--set', s])], { cwd: folder });
    assert.equal(code, 2, stderr);
    return stderr;
  };
  assert.match(await refused('{ alpha: 1 }'), /needs data .* or target/);
  assert.match(await refused('{ target: x, alpha: 0 }'), /alpha/);
  assert.match(await refused('{ target: x }', ['task=seq_cls']), /a classifier writes none/);
  assert.match(await refused('{ data: none.jsonl }'), /none\.jsonl/);
  assert.match(await refused('{ target: "{{nothing}}" }'), /nothing/);
});
