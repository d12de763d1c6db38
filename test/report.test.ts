import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { softprompt } from './softprompt.ts';

const folder = mkdtempSync(join(tmpdir(), 'report-'));
after(() => rmSync(folder, { recursive: true }));
const model = join(import.meta.dirname, 'golden/peft021/models/llama3-a');

test('a trained and evaluated run is reported by id and by name, with the hashes of what it was made of', async () => {
  const rows = Array.from({ length: 9 }, (_, i) => JSON.stringify({ input_ids: [5 + i, 9, 30 + (i % 4), 7] }));
  writeFileSync(join(folder, 'rows.jsonl'), rows.join('\n'));
  const test = rows.map((row) => JSON.stringify({ ...JSON.parse(row), labels: [-100, -100, -100, 7] }));
  writeFileSync(join(folder, 'test.jsonl'), test.join('\n'));
  writeFileSync(
    join(folder, 'tiny.tune.yaml'),
    `model: ${model}
data: { train: rows.jsonl, validation_split: 0.3, test: test.jsonl }
method: { peft_type: PROMPT_TUNING, num_virtual_tokens: 2 }
training: { max_steps: 4, eval_steps: 2, per_device_train_batch_size: 2, device: cpu }
evaluation: { max_new_tokens: 2 }
`,
  );
  const trained = await softprompt(['train', 'tiny.tune.yaml'], { cwd: folder });
  assert.equal(trained.code, 0, trained.stderr);
  const [id] = readdirSync(join(folder, '.softprompt/runs'));
  const bare = await softprompt(['report', id!, '--output', 'bare.html'], { cwd: folder });
  assert.equal(bare.code, 0, bare.stderr);
  assert.match(readFileSync(join(folder, 'bare.html'), 'utf8'), /has not been evaluated/);

  const evaluated = await softprompt(['evaluate', 'tiny.tune.yaml', '--adapter', 'tiny'], { cwd: folder });
  assert.equal(evaluated.code, 0, evaluated.stderr);
  const named = await softprompt(['report', 'tiny', '--output', 'pages/report.html', '--json'], { cwd: folder });
  assert.deepEqual(named.json(), [{ run: id, report: join(folder, 'pages/report.html') }]);
  const page = readFileSync(join(folder, 'pages/report.html'), 'utf8');
  const card = JSON.parse(readFileSync(join(folder, '.softprompt/adapters/tiny/1/card.json'), 'utf8'));
  for (const fact of [
    card.base.fingerprint,
    card.data.sha256,
    id!,
    'num_virtual_tokens: 2',
    'adapter_model.safetensors',
  ])
    assert.ok(page.includes(fact), fact);
  assert.match(page, /<svg /);
  assert.match(page, /tiny 1<small>adapter/);

  const unknown = await softprompt(['report', 'other', '--output', 'x.html'], { cwd: folder });
  assert.deepEqual([unknown.code, /there is no run "other"/.test(unknown.stderr)], [2, true]);
});
