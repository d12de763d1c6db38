import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { softprompt } from './softprompt.ts';

const folder = mkdtempSync(join(tmpdir(), 'rerun-'));
after(() => rmSync(folder, { recursive: true }));
const model = join(import.meta.dirname, 'golden/peft021/models/llama3-a');

test('a run is repeated to the byte, and says what changed when it is not', async () => {
  const rows = Array.from({ length: 9 }, (_, i) => JSON.stringify({ input_ids: [5 + i, 9, 30 + (i % 4), 7] }));
  writeFileSync(join(folder, 'rows.jsonl'), rows.join('\n'));
  writeFileSync(
    join(folder, 'tiny.tune.yaml'),
    `model: ${model}
data: { train: rows.jsonl, validation_split: 0.3 }
method: { peft_type: UNION, methods: [{ peft_type: PROMPT_TUNING, num_virtual_tokens: 2 }, { peft_type: LORA, r: 2 }] }
training: { max_steps: 4, eval_steps: 2, per_device_train_batch_size: 2, device: cpu }
`,
  );
  const trained = await softprompt(['train', 'tiny.tune.yaml'], { cwd: folder });
  assert.equal(trained.code, 0, trained.stderr);
  const [id] = readdirSync(join(folder, '.softprompt/runs'));
  const runFolder = join(folder, '.softprompt/runs', id!);
  const files = readdirSync(runFolder);
  const same = await softprompt(['rerun', id!, '--json'], { cwd: folder });
  assert.deepEqual(same.json(), [{ run: id, same: true, differing: [], changed: [] }]);
  assert.deepEqual(readdirSync(runFolder), files);

  const record = JSON.parse(readFileSync(join(runFolder, 'run.json'), 'utf8'));
  writeFileSync(
    join(runFolder, 'run.json'),
    JSON.stringify({ ...record, madeWith: { ...record.madeWith, onnxruntime: '0.0.1' } }),
  );
  writeFileSync(join(folder, 'rows.jsonl'), rows.slice(1).join('\n'));
  const other = await softprompt(['rerun', id!], { cwd: folder });
  assert.equal(other.code, 1);
  assert.match(
    other.stdout,
    /another adapter: lora\/adapter_model\.safetensors, prompt_tuning\/adapter_model\.safetensors/,
  );
  assert.match(other.stdout, /Changed since: data\.train; onnxruntime \(was 0\.0\.1, is /);

  rmSync(record.adapter, { recursive: true });
  const gone = await softprompt(['rerun', id!], { cwd: folder });
  assert.deepEqual([gone.code, /cannot be repeated: it left no adapter/.test(gone.stderr)], [2, true]);
});
