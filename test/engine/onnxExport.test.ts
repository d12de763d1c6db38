import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { readSafetensorsHeader } from '../../src/checkpoint/safetensors.ts';
import { readFloat32 } from '../../src/checkpoint/tensorReading.ts';
import { writeSafetensors } from '../../src/checkpoint/tensorWriting.ts';
import { exportAdapterAs } from '../../src/experiments/exporting.ts';
import { explain, SoftpromptError } from '../../src/foundation/errors.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { writeAdapter } from '../../src/methods/adapter.ts';
import { largestError, tinyModels } from '../golden/reference.ts';
import { drawnAdapter, layerMethods } from './drawn.ts';

const dir = await mkdtemp(join(tmpdir(), 'onnx-export-'));
after(() => rm(dir, { recursive: true }));

const { signal } = new AbortController();

const methods = {
  PROMPT_TUNING: { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4 },
  PREFIX_TUNING: { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 3 },
  ...layerMethods,
} as const satisfies Record<string, JsonObject>;

/** A model folder that can be taken away, and an adapter drawn for it. */
async function prepared(model: keyof typeof tinyModels, config: JsonObject) {
  const at = await mkdtemp(join(dir, `${model}-`));
  const [base, adapter, output] = [join(at, 'base'), join(at, 'adapter'), join(at, 'out/model.onnx')] as const;
  await cp(tinyModels[model], base, { recursive: true });
  const language = await LanguageModel.open(base, 'cpu');
  await writeAdapter(adapter, await drawnAdapter(language.model, 1, config));
  return { at, base, adapter, output, language };
}

/** Logits at each position of each row, from the file alone: a batch that is padded on the right with `padding`. */
async function fromFile(file: string, rows: readonly (readonly number[])[], padding: number): Promise<number[][]> {
  const session = await InferenceSession.create(file);
  assert.deepEqual([session.inputNames, session.outputNames], [['input_ids'], ['logits']]);
  const time = Math.max(...rows.map((row) => row.length));
  const ids = rows.flatMap((row) => [...row, ...new Array<number>(time - row.length).fill(padding)]);
  const input_ids = new Tensor('int64', BigInt64Array.from(ids, BigInt), [rows.length, time]);
  const { logits } = await session.run({ input_ids });
  await session.release();
  const [batch, length, vocabulary] = logits!.dims as [number, number, number];
  assert.deepEqual([batch, length], [rows.length, time]);
  const data = logits!.data as Float32Array;
  return rows.map((row, r) => [...data.subarray(r * time * vocabulary, (r * time + row.length) * vocabulary)]);
}

/** Rows longer than every window of the models here, and shorter. */
function rowsOf(vocabulary: number): readonly (readonly number[])[] {
  return [14, 3, 1].map((length, r) => Array.from({ length }, (_, t) => (7 * r + 11 * t + 5) % vocabulary));
}

for (const model of ['gpt2', 'llama', 'gemma3', 'mistral', 'olmo2', 'opt', 'tiedLlama', 'sharded'] as const) {
  describe(model, () => {
    for (const [name, config] of Object.entries(methods)) {
      test(`${name}: the file alone, the base model gone, gives what the model with the adapter gives`, async () => {
        const { base, adapter, output, language } = await prepared(model, config);
        const { change } = await exportAdapterAs({ language, adapter, format: 'onnx', type: null, output, signal });
        assert.ok(change.largest <= 1e-4, `${change.largest}`);
        const stored = await drawnAdapter(language.model, 1, config);
        const rows = rowsOf(language.model.architecture.sizes.vocabulary);
        const own = await (await (await language.attach(stored)).decode(rows.length)).advance(rows, true);
        const plain = await (await (await language.attach(null)).decode(rows.length)).advance(rows, true);
        await language.close();
        await rm(base, { recursive: true });

        const fresh = join(await mkdtemp(join(dir, 'fresh-')), 'here');
        await rename(join(output, '..'), fresh);
        assert.deepEqual((await readdir(fresh)).sort(), ['model.onnx', 'model.onnx_data']);
        const found = await fromFile(join(fresh, 'model.onnx'), rows, 1);
        const otherwise = await fromFile(join(fresh, 'model.onnx'), rows, 2);
        for (const [r, logits] of own.entries()) {
          const expected = logits.flatMap((x) => [...x]);
          assert.ok(largestError(found[r]!, expected) <= 1e-4, `row ${r}`);
          assert.ok(largestError(otherwise[r]!, expected) <= 1e-4, `row ${r} padded with another token`);
          // The adapter does something, so the base model's logits would not pass.
          assert.ok(
            largestError(
              plain[r]!.flatMap((x) => [...x]),
              expected,
            ) > 1e-2,
            `row ${r} of the base model`,
          );
        }
      });
    }
  });
}

test('f16 and bf16 halve the data file and move the logits a little', async () => {
  const sizes: number[] = [];
  const changes: number[] = [];
  for (const type of ['F32', 'F16', 'BF16'] as const) {
    const { adapter, output, language } = await prepared('gpt2', methods.LORA);
    const { change } = await exportAdapterAs({ language, adapter, format: 'onnx', type, output, signal });
    await language.close();
    sizes.push((await readFile(`${output}_data`)).length);
    changes.push(change.largest);
  }
  assert.ok(sizes[1]! < 0.7 * sizes[0]! && sizes[2] === sizes[1], `${sizes}`);
  assert.ok(changes[0]! <= 1e-4 && changes[1]! > 0 && changes[1]! < changes[2]! && changes[2]! < 1, `${changes}`);
});

test('a weight beyond the range of f16 is refused by name, and the file of before stays as it was', async () => {
  const { base, adapter, output, language } = await prepared('gpt2', methods.LORA);
  await exportAdapterAs({ language, adapter, format: 'onnx', type: null, output, signal });
  await language.close();
  const before = await fromFile(output, [[1, 2, 3]], 0);
  const file = join(base, 'model.safetensors');
  const { tensors } = await readSafetensorsHeader(file);
  const large = [...tensors.keys()].find((name) => name.endsWith('ln_f.weight'))!;
  const changed = await Promise.all(
    [...tensors].map(async ([name, info]) => {
      const data = await readFloat32(info);
      if (name === large) data[0] = 1e5;
      return { name, dtype: 'F32', shape: info.shape, data } as const;
    }),
  );
  await writeSafetensors(file, changed);
  const again = await LanguageModel.open(base, 'cpu');
  await assert.rejects(
    exportAdapterAs({ language: again, adapter, format: 'onnx', type: 'F16', output, signal }),
    /f16 has no number as large as 100000, which .*ln_f\.weight holds/,
  );
  await again.close();
  assert.deepEqual((await readdir(join(output, '..'))).sort(), ['model.onnx', 'model.onnx_data']);
  assert.deepEqual(await fromFile(output, [[1, 2, 3]], 0), before);
});

test('an export that is cancelled leaves what was there', async () => {
  const { adapter, output, language } = await prepared('gpt2', methods.LORA);
  await exportAdapterAs({ language, adapter, format: 'onnx', type: null, output, signal });
  const before = await fromFile(output, [[1, 2, 3]], 0);
  let asked = 0;
  // Not aborted when the export begins, but while weights are written.
  const late = {
    get aborted() {
      return ++asked > 4;
    },
  } as AbortSignal;
  const stopped = exportAdapterAs({ language, adapter, format: 'onnx', type: 'F16', output, signal: late });
  await assert.rejects(stopped, (error) => SoftpromptError.is(error, 'cancelled'));
  assert.deepEqual((await readdir(join(output, '..'))).sort(), ['model.onnx', 'model.onnx_data']);
  assert.deepEqual(await fromFile(output, [[1, 2, 3]], 0), before);
  await language.close();
});

test('an output that is no .onnx file is refused: it might be the weights of a model', async () => {
  const { base, adapter, language } = await prepared('gpt2', methods.LORA);
  const output = join(base, 'model.safetensors');
  for (const format of ['onnx', 'gguf'] as const) {
    const written = exportAdapterAs({ language, adapter, format, type: null, output, signal });
    await assert.rejects(written, new RegExp(`--output: must end with \\.${format}`));
  }
  await language.close();
});

test('an output whose folder cannot be made is an error that names it', async () => {
  const { at, adapter, language } = await prepared('gpt2', methods.LORA);
  await writeFile(join(at, 'file'), '');
  const output = join(at, 'file/model.onnx');
  const failed = await exportAdapterAs({ language, adapter, format: 'onnx', type: null, output, signal }).catch(
    (e) => e,
  );
  assert.equal(explain(failed).what, `${join(at, 'file')}: is a file, where a folder is needed.`);
  await language.close();
});
