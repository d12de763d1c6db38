import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { tinyModels } from '../../test/golden/reference.ts';
import { outcomeOf } from '../../test/outcome.ts';
import { keepNothing } from '../evaluation/answerStore.ts';
import { engineEvaluation, openEachTime } from './engineEvaluation.ts';
import { readExperiment } from './experimentFile.ts';

const env = { now: () => new Date('2026-11-23T01:45:00Z'), random: () => 0.1, pid: 1, user: 'ada', host: 'h' };
const never = new AbortController().signal;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'engine-evaluation-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Evaluates the base model on these rows. */
async function evaluated(rows: readonly object[], settings: readonly string[] = []) {
  await writeFile(join(dir, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const file = join(dir, 'tiny.tune.yaml');
  const data = '{train: rows.jsonl, test: rows.jsonl}';
  const rest = 'method: {peft_type: PROMPT_TUNING}\ntraining: {device: cpu}\nevaluation: {max_new_tokens: 2}\n';
  await writeFile(file, `model: ${tinyModels.gpt2}\ndata: ${data}\n${rest}`);
  const { experiment } = await readExperiment(file, settings);
  return outcomeOf(
    engineEvaluation(openEachTime, env).evaluate({ file, experiment, adapters: [], answers: keepNothing }, never),
  );
}

test('the last supervised stretch of a tokenised row is its answer, whatever follows it', async () => {
  const bare = { input_ids: [5, 6, 7, 8], labels: [-100, -100, 7, 8] };
  const followed = { input_ids: [5, 6, 7, 8, 0, 0], labels: [-100, -100, 7, 8, -100, -100] };
  const { rows } = await evaluated([bare, followed]);
  assert.deepEqual(
    rows.map(({ input, expected }) => [input, expected]),
    [
      ['5 6', '7 8'],
      ['5 6', '7 8'],
    ],
  );
  assert.equal(rows[0]!.answers.base!.target_loss, rows[1]!.answers.base!.target_loss);
});

test('a row without prompt, answer or room is named, and so is a task that cannot be evaluated', async () => {
  const good = { input_ids: [5, 6, 7], labels: [-100, 6, 7] };
  await assert.rejects(evaluated([good, { input_ids: [5, 6] }]), /rows\.jsonl, line 2: is supervised from its first/);
  const silent = { input_ids: [5, 6], labels: [-100, -100] };
  await assert.rejects(evaluated([good, silent]), /rows\.jsonl, line 2: has no supervised token/);
  const ids = new Array<number>(500).fill(1);
  const long = { input_ids: ids, labels: ids.map((id, i) => (i < 499 ? -100 : id)) };
  await assert.rejects(evaluated([good, long]), /Test row 2 as base reads it: The prompt has 499 tokens/);
  await assert.rejects(evaluated([good], ['task=seq_2_seq_lm']), /a gpt2 model cannot be used for seq_2_seq_lm/);
});

test('with a temperature answers are drawn: by seed, for each row alone, and in every arm alike', async () => {
  const rows = Array.from({ length: 20 }, (_, i) => ({ input_ids: [5 + i, 6, 7, 8], labels: [-100, -100, 7, 8] }));
  const texts = async (given: readonly object[], ...settings: string[]) =>
    (await evaluated(given, settings)).rows.map(({ answers }) => answers.base!.text);
  const hot = 'evaluation.temperature=2';
  const drawn = await texts(rows, hot);
  assert.deepEqual(await texts(rows, hot), drawn);
  // Rows that stand beside a row, and in which batch, must not change what is drawn for it.
  assert.deepEqual(await texts(rows.slice(0, 3), hot), drawn.slice(0, 3));
  assert.notDeepEqual(await texts(rows, hot, 'training.seed=7'), drawn);
  const greedy = await texts(rows);
  assert.notDeepEqual(greedy, drawn);
  assert.deepEqual(await texts(rows, 'evaluation.temperature=0.001'), greedy);
  await assert.rejects(texts(rows, 'evaluation.top_p=0.5'), /needs evaluation\.temperature above 0/);
});

test('hard prompts that cannot be asked of tokens are not left out in silence', async () => {
  const row = { input_ids: [5, 6, 7, 8], labels: [-100, -100, 7, 8] };
  const { arms, remarks } = await evaluated([row], ['evaluation.baselines.asked.prompt="{{text}}"']);
  assert.equal(arms.length, 1);
  const words = 'Without asked: a hard prompt is written around columns, and these rows are tokens.';
  assert.equal(remarks![0], words);
  assert.ok(!(await evaluated([row])).remarks!.includes(words));
});

test('a module beside the data measures every arm, and one that is missing or fails is told', async () => {
  const row = { input_ids: [5, 6, 7, 8], labels: [-100, -100, 7, 8] };
  const measured = (file: string) => [`evaluation.custom_metrics.written=${file}`];
  await assert.rejects(
    evaluated([row], measured('none.mjs')),
    /none\.mjs: no such file \(evaluation\.custom_metrics\.written\)/,
  );
  const words = '({ input, expected, answer }) => [input, expected, typeof answer].join()';
  await writeFile(
    join(dir, 'rows.mjs'),
    `export const metric = (rows) => rows.filter((row) => (${words})(row) === '5 6,7 8,string').length;`,
  );
  const result = await evaluated([row, row], measured('rows.mjs'));
  assert.deepEqual([result.custom_metrics, result.arms[0]!.custom], [['written'], { written: 2 }]);
  await writeFile(join(dir, 'bad.mjs'), 'export const metric = (rows) => rows[0].none.length;');
  await assert.rejects(
    evaluated([row], measured('bad.mjs')),
    /bad\.mjs, line 1: the metric written fails: .*\(at test row 1\)/,
  );
  await assert.rejects(
    evaluated([row], ['evaluation.custom_metrics.f1=rows.mjs']),
    /is the name of a metric that exists/,
  );
});
