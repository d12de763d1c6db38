import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { softprompt } from './softprompt.ts';

const samples = join(import.meta.dirname, '../samples');
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A folder with an experiment of few steps on a few of the sample's rows. */
function workspace(sweep: string): { readonly folder: string; readonly file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'sweep-'));
  folders.push(folder);
  for (const [name, count] of [['train', 12] as const, ['val', 6] as const]) {
    const rows = readFileSync(join(samples, `data/commit-kind.${name}.jsonl`), 'utf8').split('\n');
    writeFileSync(join(folder, `${name}.jsonl`), rows.slice(0, count).join('\n'));
  }
  const file = join(folder, 'kind.tune.yaml');
  writeFileSync(
    file,
    `model: ${samples}/models/tiny
data: { train: train.jsonl, validation: val.jsonl }
template: { input: "Input: {{message}}\\nOutput:", target: " {{kind}}" }
method: { peft_type: PROMPT_TUNING, num_virtual_tokens: 2 }
training: { max_steps: 2, per_device_train_batch_size: 4, eval_steps: 1, device: cpu }
sweep: ${sweep}
`,
  );
  return { folder, file };
}

const doneOf = (events: Record<string, unknown>[]) => events.find(({ event }) => event === 'done')!;

/** Runs a sweep once in one go and once killed after so many trials, and compares. */
async function survives(sweep: string, kills: readonly number[], set: readonly string[] = []): Promise<unknown[]> {
  const settings = set.flatMap((setting) => ['--set', setting]);
  const whole = workspace(sweep);
  const unbroken = await softprompt(['sweep', whole.file, '--json', ...settings], { cwd: whole.folder });
  assert.equal(unbroken.code, 0, unbroken.stderr);
  const killed = workspace(sweep);
  let args = ['sweep', killed.file, '--json', ...settings];
  for (const most of kills) {
    let seen = 0;
    const cut = await softprompt(args, {
      cwd: killed.folder,
      onLine: (line, kill) => {
        if (line.includes('"event":"trial"') && ++seen > most) kill('SIGKILL');
      },
    });
    assert.equal(cut.code, null);
    const [id] = readdirSync(join(killed.folder, '.softprompt/sweeps'));
    args = ['sweep', killed.file, '--json', '--resume', id!];
  }
  const rest = await softprompt(args, { cwd: killed.folder });
  assert.equal(rest.code, 0, rest.stderr);
  const [expected, found] = [doneOf(unbroken.json()), doneOf(rest.json())];
  assert.deepEqual(found.rows, expected.rows);
  const bytes = ({ adapter }: Record<string, unknown>) =>
    readFileSync(join(String(adapter), 'adapter_model.safetensors'));
  assert.ok(bytes(found).equals(bytes(expected)));
  assert.deepEqual(globSync('**/*.safetensors', { cwd: join(killed.folder, '.softprompt/sweeps') }), []);
  return found.rows as unknown[];
}

// Two hundred trainings twice, most of a minute: the promise is of that size.
test('a sweep of 200 trainings is killed twice, goes on, and ends with the same table and adapter', async () => {
  const rate = 'training.learning_rate: { min: 0.001, max: 3, scale: log }';
  const rows = await survives(`{ strategy: random, max_runs: 100, seeds: [1, 2], ${rate} }`, [30, 90]);
  assert.equal(rows.length, 100);
});

test('so does one that gives up the worse ones at each rung', async () => {
  const rate = 'training.learning_rate: { min: 0.001, max: 3, scale: log }';
  await survives(`{ strategy: asha, max_runs: 9, ${rate} }`, [4, 6], ['training.max_steps=9']);
});

test('a combination that cannot be trained is last in the table, and the others go on', async () => {
  const { folder, file } = workspace('{ method.num_virtual_tokens: [2, 100000], training.learning_rate: [0.1] }');
  const ended = await softprompt(['sweep', file, '--json'], { cwd: folder });
  const { rows } = doneOf(ended.json()) as { rows: { state: string; error: string | null }[] };
  assert.deepEqual(
    rows.map(({ state }) => state),
    ['finished', 'failed'],
  );
  assert.match(rows[1]!.error!, /num_virtual_tokens/);
});

test('another method has its own defaults', async () => {
  const { folder, file } = workspace('{ method: [{ peft_type: LORA, r: 1 }, { peft_type: PROMPT_TUNING }] }');
  const ended = await softprompt(['sweep', file, '--json', '--set', 'training.max_steps=1'], { cwd: folder });
  const { adapter, rows } = doneOf(ended.json()) as {
    adapter: string;
    rows: { settings: { method: { peft_type: string } } }[];
  };
  const card = JSON.parse(readFileSync(join(adapter, 'card.json'), 'utf8'));
  const rate = rows[0]!.settings.method.peft_type === 'LORA' ? 5e-5 : 0.3;
  assert.equal(card.experiment.training.learning_rate, rate);
  assert.match(card.sweep, /kind/);
});

test('what cannot be swept is said before anything is trained', async () => {
  const { folder, file } = workspace('{ method.num_virtual_tokens: [2, 3] }');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(', validation: val.jsonl', ''));
  const unranked = await softprompt(['sweep', file], { cwd: folder });
  assert.deepEqual([unranked.code, /ranks by the loss on validation rows/.test(unranked.stderr)], [2, true]);
  writeFileSync(file, text.replace(/^sweep.*$/m, ''));
  const missing = await softprompt(['sweep', file], { cwd: folder });
  assert.deepEqual([missing.code, /has no sweep/.test(missing.stderr)], [2, true]);
});
