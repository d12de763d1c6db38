import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { exportAdapterAs } from '../../src/experiments/exporting.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { writeAdapter } from '../../src/methods/adapter.ts';
import { largestError } from '../golden/reference.ts';
import { drawnAdapter } from './drawn.ts';

const dir = await mkdtemp(join(tmpdir(), 'onnx-classifiers-'));
after(() => rm(dir, { recursive: true }));

const methods = {
  LORA: { peft_type: 'LORA', r: 3, init_lora_weights: false },
  PROMPT_TUNING: { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4 },
  PREFIX_TUNING: { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 3 },
} as const;

/** Models that classify, by the inputs that their files have. */
const models = {
  'peft021/models/bert-a': ['attention_mask', 'input_ids', 'token_type_ids'],
  'peft010/models/roberta-a': ['attention_mask', 'input_ids', 'token_type_ids'],
  'peft021/models/qwen3-cls-a': ['attention_mask', 'input_ids'],
  'peft010/models/gpt2-a': ['attention_mask', 'input_ids'],
} as const;

for (const [model, names] of Object.entries(models)) {
  describe(model, () => {
    for (const [name, config] of Object.entries(methods)) {
      test(`${name}: the file alone names each row's classes as the model does, whatever pads the rows`, async () => {
        const at = await mkdtemp(join(dir, 'model-'));
        const [base, adapter, output] = [join(at, 'base'), join(at, 'adapter'), join(at, 'out/model.onnx')] as const;
        await cp(join(import.meta.dirname, '../golden', model), base, { recursive: true });
        const language = await LanguageModel.open(base, 'cpu', { task: 'seq_cls', classes: 3 });
        const drawn = await drawnAdapter(language.model, 1, { ...config, task_type: 'SEQ_CLS' });
        await writeAdapter(adapter, drawn);
        const { signal } = new AbortController();
        const request = { language, adapter, format: 'onnx', type: null, output, signal } as const;
        const { change } = await exportAdapterAs(request);
        assert.ok(change.largest <= 1e-4 && change.positions === 4, JSON.stringify(change));

        const { vocabulary } = language.model.architecture.sizes;
        const rows = [14, 3, 1].map((length, r) => Array.from({ length }, (_, t) => (7 * r + 11 * t + 5) % vocabulary));
        const runner = await language.lossRunner(drawn.method);
        const own = await Promise.all(
          rows.map(async (inputIds) => (await runner.run([{ inputIds, labels: [0] }], drawn.tensors)).logits[0]!),
        );
        await language.close();
        await rm(base, { recursive: true });
        for (const padding of [1, 2]) {
          const found = await fromFile(output, rows, padding, names);
          for (const [r, logits] of own.entries()) {
            assert.ok(largestError(found[r]!, logits) <= 1e-4, `row ${r}, padded with ${padding}`);
          }
        }
      });
    }
  });
}

/** Logits of the classes of each row, from the file alone. */
async function fromFile(
  file: string,
  rows: readonly (readonly number[])[],
  padding: number,
  names: readonly string[],
): Promise<Float32Array[]> {
  const session = await InferenceSession.create(file);
  assert.deepEqual([...session.inputNames].sort(), names);
  const time = Math.max(...rows.map((row) => row.length));
  const matrix = (value: (id: number | undefined) => number) =>
    new Tensor(
      'int64',
      BigInt64Array.from(rows.flatMap((row) => Array.from({ length: time }, (_, t) => BigInt(value(row[t]))))),
      [rows.length, time],
    );
  const inputs: Readonly<Record<string, Tensor>> = {
    input_ids: matrix((id) => id ?? padding),
    attention_mask: matrix((id) => Number(id !== undefined)),
    token_type_ids: matrix(() => 0),
  };
  const { logits } = await session.run(Object.fromEntries(names.map((name) => [name, inputs[name]!])));
  await session.release();
  const [batch, classes] = logits!.dims as [number, number];
  assert.equal(batch, rows.length);
  const data = logits!.data as Float32Array;
  return rows.map((_, r) => data.subarray(r * classes, (r + 1) * classes));
}
