import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSafetensorsHeader } from '../../src/checkpoint/safetensors.ts';
import { readTensorBytes } from '../../src/checkpoint/tensorReading.ts';
import { type Adapter, readAdapter } from '../../src/methods/adapter.ts';
import type { CombineMethod } from '../../src/methods/combineRules.ts';
import { combine } from '../../src/methods/combining.ts';
import { openModel } from '../../src/models/model.ts';
import { goldenCases, readCase, readTensors, relativeError } from './reference.ts';

interface CombineCase {
  readonly kind: string;
  readonly model: string;
  readonly adapters: Readonly<Record<string, { readonly dir: string; readonly scaling: number }>>;
  readonly results: readonly {
    readonly dir: string;
    readonly combination_type: CombineMethod;
    readonly adapters: readonly string[];
    readonly weights: readonly number[];
    readonly svd_rank?: number;
    readonly density?: number;
    readonly majority_sign_method?: 'total' | 'frequency';
    readonly relative_error_against_exact_task_arithmetic?: number;
  }[];
}

/** Rounding the two factors to float32. */
const tolerance = 1e-7;

/** PEFT lets the result inherit use_rslora from the first adapter, which makes it sqrt(rank) too large. */
const wrongInReference = ['peft021/weighted-llama3 05-cat'];

for (const { title, root, path } of goldenCases('merge')) {
  const { kind, model: modelDir, adapters: inputs, results }: CombineCase = readCase(join(path, 'case.json'));
  if (kind !== 'add_weighted_adapter') continue;
  const combined = async (result: CombineCase['results'][number], method: CombineMethod) => {
    const model = await openModel(join(root, modelDir));
    // The libraries of peft010 counted each adapter's scaling twice before they decomposed.
    const twice = title.startsWith('peft010') && method.endsWith('svd');
    const adapters = await Promise.all(
      result.adapters.map(async (label, i) => ({
        label,
        weight: result.weights[i]! * (twice ? inputs[label]!.scaling : 1),
        adapter: await readAdapter(join(path, inputs[label]!.dir), model),
      })),
    );
    const masks = await masksOf(join(path, result.dir, 'masks.safetensors'));
    const options = {
      method,
      rank: result.svd_rank ?? null,
      density: result.density ?? 1,
      majoritySign: result.majority_sign_method ?? 'total',
      mask: (module: string, part: string, index: number) => masks.get(`${module}.${part}.${result.adapters[index]}`)!,
    };
    return combine(model, adapters, options, new AbortController().signal, () => undefined);
  };

  for (const result of results) {
    const name = `${title} ${result.dir}`;
    test(`${name}: the combined adapter changes the weights as PEFT's does`, async () => {
      const { adapter, residual } = await combined(result, result.combination_type);
      const { r, lora_alpha: alpha, use_rslora: rs } = adapter.method.config;
      assert.deepEqual([alpha, rs], [r, false]);
      const wrong = wrongInReference.includes(name);
      for (const [module, { data }] of await readTensors(join(path, result.dir, 'delta.safetensors'))) {
        const kept = data.map((x) => x * rescaled(title, result));
        const error = relativeError(deltaOf(adapter, module), kept);
        assert.ok(wrong ? error > 0.1 : error <= tolerance, `${module}: ${error}`);
      }
      const expected = result.relative_error_against_exact_task_arithmetic;
      if (expected === undefined) return;
      assert.ok(Math.abs(residual.overall - (wrong ? 0 : expected)) < 1e-6, String(residual.overall));
      assert.ok(residual.largest >= residual.overall - 1e-12);
    });

    const exact = join(path, result.dir, 'exact_task_arithmetic.safetensors');
    if (!existsSync(exact)) continue;
    test(`${name}: exact gives the sum, negative weights and rsLoRA included`, async () => {
      const { adapter, residual } = await combined(result, 'exact');
      for (const [module, { data }] of await readTensors(exact)) {
        const error = relativeError(deltaOf(adapter, module), data);
        assert.ok(error <= tolerance, `${module}: ${error}`);
      }
      assert.ok(residual.largest <= tolerance);
    });
  }
}

/** What the libraries of peft010 left out of DARE, which divides what it keeps (A and B, or their product) by its share. */
function rescaled(title: string, { combination_type: method, density = 1 }: CombineCase['results'][number]): number {
  if (!title.startsWith('peft010') || !method.startsWith('dare')) return 1;
  return method.endsWith('svd') ? 1 / density : 1 / density ** 2;
}

/** Scaling times B A, as the weight of a checkpoint's tensor lies. */
function deltaOf({ method, tensors }: Adapter, weight: string): Float32Array {
  const name = `base_model.model.${weight.slice(0, -'.weight'.length)}.lora_A.weight`;
  const pair = method.factorPairs!.find(({ a }) => a === name)!;
  const [a, b] = [tensors.get(pair.a)!, tensors.get(pair.b)!];
  const [inFeatures, outFeatures] = [a.length / pair.rank, b.length / pair.rank];
  const transposed = method.config.fan_in_fan_out === true;
  return Float32Array.from({ length: inFeatures * outFeatures }, (_, at) => {
    const [o, i] = transposed
      ? [at % outFeatures, Math.floor(at / outFeatures)]
      : [Math.floor(at / inFeatures), at % inFeatures];
    let sum = 0;
    for (let k = 0; k < pair.rank; k++) sum += b[o * pair.rank + k]! * a[k * inFeatures + i]!;
    return pair.scaling * sum;
  });
}

async function masksOf(file: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const masks = new Map<string, Uint8Array>();
  if (!existsSync(file)) return masks;
  for (const [name, info] of (await readSafetensorsHeader(file)).tensors) masks.set(name, await readTensorBytes(info));
  return masks;
}
