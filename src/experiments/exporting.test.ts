import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { drawnAdapter, layerMethods } from '../../test/engine/drawn.ts';
import { longropeModel, readTensors, tinyModels } from '../../test/golden/reference.ts';
import type { FloatType } from '../checkpoint/floatTypes.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors.ts';
import { writeSafetensors } from '../checkpoint/tensorWriting.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { writeAdapter } from '../methods/adapter.ts';
import { exportAdapterAs } from './exporting.ts';

const golden = join(import.meta.dirname, '../../test/golden/adapters');
const language = await LanguageModel.open(tinyModels.llama, 'cpu');
after(() => language.close());

const { signal } = new AbortController();

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'export-'));
});
afterEach(() => rm(dir, { recursive: true }));

const toPeft = (adapter: string, type: FloatType | null, output: string) =>
  exportAdapterAs({ language, adapter, format: 'peft', type, output, signal });

describe("PEFT's folder", () => {
  /** Half a unit in the last place: what rounding to nearest may move a number by, of its size. */
  const roundings = { F32: 0, F16: 2 ** -11, BF16: 2 ** -8 } as const;

  for (const name of ['prompt-unknown-keys', 'prefix-reference', 'lora-reference']) {
    test(`${name} in every type: the same config, numbers rounded to nearest, and how far the logits moved`, async () => {
      const source = join(golden, name);
      const was = await readTensors(join(source, 'adapter_model.safetensors'));
      const changes: number[] = [];
      for (const type of ['F32', 'F16', 'BF16'] as const) {
        const output = join(dir, type);
        const { change } = await toPeft(source, type, output);
        const written = join(output, 'adapter_model.safetensors');
        for (const info of (await readSafetensorsHeader(written)).tensors.values()) assert.equal(info.dtype, type);
        for (const [tensor, { shape, data }] of await readTensors(written)) {
          const before = was.get(tensor)!;
          assert.deepEqual(shape, before.shape);
          for (const [i, x] of before.data.entries()) {
            // Below 2^-14 the numbers of F16 stand evenly, 2^-24 apart.
            const allowed = Math.max(roundings[type] * Math.abs(x), type === 'F16' ? 2 ** -25 : 0);
            assert.ok(Math.abs(data[i]! - x) <= allowed, `${tensor} ${i}: ${data[i]}, not ${x}`);
          }
        }
        const config = JSON.parse(await readFile(join(output, 'adapter_config.json'), 'utf8'));
        const given = JSON.parse(await readFile(join(source, 'adapter_config.json'), 'utf8'));
        for (const [key, value] of Object.entries(given)) assert.deepEqual(config[key], value, key);
        changes.push(change.largest);
        assert.equal(change.positions, 64);
        assert.equal(change.meanKl === 0, type === 'F32');
      }
      const [full, half, brain] = changes as [number, number, number];
      assert.equal(full, 0);
      assert.ok(half > 0 && half < brain && brain < 1, `${changes}`);
    });
  }

  test('a number beyond the range of f16 is refused by tensor, and nothing is written', async () => {
    const source = join(dir, 'large');
    await cp(join(golden, 'prompt-reference'), source, { recursive: true });
    const data = new Float32Array(6 * 48);
    data[7] = 70_000;
    const tensor = { name: 'prompt_embeddings', dtype: 'F32', shape: [6, 48], data } as const;
    await writeSafetensors(join(source, 'adapter_model.safetensors'), [tensor]);
    await assert.rejects(
      toPeft(source, 'F16', join(dir, 'out')),
      refused('option-invalid', /--dtype: f16 has no number as large as 70000, which prompt_embeddings holds/),
    );
    assert.ok(!existsSync(join(dir, 'out')));
    await toPeft(source, 'BF16', join(dir, 'out'));
  });

  test("a folder that is another adapter's, with a card of its own, is not written into", async () => {
    await writeFile(join(dir, 'card.json'), '{}');
    await assert.rejects(
      toPeft(join(golden, 'prompt-reference'), null, dir),
      refused('option-invalid', /--output: holds an adapter with a card of its own/),
    );
  });

  test('an adapter is not written over itself', async () => {
    const source = join(golden, 'prompt-reference');
    await assert.rejects(
      toPeft(source, 'F16', source),
      refused('option-invalid', /is the folder of the adapter itself/),
    );
  });
});

describe('models that do not continue a text', () => {
  for (const [name, model, config] of [
    ['T5', 'peft010/models/t5-a', { peft_type: 'LORA', task_type: 'SEQ_2_SEQ_LM' }],
    ['BERT', 'peft021/models/bert-a', { peft_type: 'LORA', task_type: 'SEQ_CLS' }],
  ] as const) {
    test(`${name}: a PEFT folder, measured by what the model gives; no GGUF; no ONNX of one that writes`, async () => {
      const other = await LanguageModel.open(join(golden, '..', model), 'cpu');
      const drawn = await drawnAdapter(other.model, 1, { ...config, r: 2, init_lora_weights: false });
      await writeAdapter(join(dir, 'own'), drawn);
      const request = {
        language: other,
        adapter: join(dir, 'own'),
        type: 'F16',
        output: join(dir, 'out.onnx'),
        signal,
      } as const;
      const { change } = await exportAdapterAs({ ...request, format: 'peft' });
      assert.ok(change.positions === 4 && change.largest > 0 && change.largest < 0.1, JSON.stringify(change));
      if (other.model.architecture.kind === 'encoder_decoder') {
        await assert.rejects(
          exportAdapterAs({ ...request, format: 'onnx' }),
          refused('option-invalid', /onnx is not written of models that write behind an encoder, as t5 does/),
        );
      }
      const gguf = exportAdapterAs({ ...request, format: 'gguf', output: join(dir, 'out.gguf') });
      await assert.rejects(gguf, refused('option-invalid', /gguf has no place for a model of type/));
      await other.close();
    });
  }
});

test('a model whose positions turn otherwise in long rows is not written as ONNX', async () => {
  const other = await LanguageModel.open(longropeModel, 'cpu');
  await writeAdapter(join(dir, 'own'), await drawnAdapter(other.model, 1, layerMethods.LORA));
  const request = { language: other, adapter: join(dir, 'own'), format: 'onnx', type: null } as const;
  await assert.rejects(
    exportAdapterAs({ ...request, output: join(dir, 'out.onnx'), signal }),
    refused('option-invalid', /turn otherwise in long rows/),
  );
  await other.close();
});

test('an adapter whose card names another model is refused', async () => {
  await cp(join(golden, 'prompt-reference'), dir, { recursive: true });
  await writeFile(join(dir, 'card.json'), JSON.stringify({ base: { model: 'other', fingerprint: '0' } }));
  await assert.rejects(toPeft(dir, null, join(dir, 'out')), refused('adapter-base', /was trained on other/));
});

function refused(reason: 'adapter-base' | 'option-invalid' | 'not-supported', pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(SoftpromptError.is(error, reason), String(error));
    assert.match(error.message, pattern);
    return true;
  };
}
