import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../src/checkpoint/json.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { attachedLogits, logitChange, vocabularyRows } from '../../src/inference/logitChange.ts';
import type { Adapter } from '../../src/methods/adapter.ts';
import type { CombineMethod } from '../../src/methods/combineRules.ts';
import { type Combination, combine, drawnMasks } from '../../src/methods/combining.ts';
import { openModel } from '../../src/models/model.ts';
import { tinyModels } from '../golden/reference.ts';
import { drawnAdapter } from './drawn.ts';

const model = await openModel(tinyModels.llama);
const lora = { peft_type: 'LORA', r: 3, init_lora_weights: false, target_modules: ['q_proj', 'v_proj'] };

const drawn = (seed: number, more: JsonObject = {}): Promise<Adapter> =>
  drawnAdapter(model, seed, { ...lora, ...more });

function combined(
  parts: readonly (readonly [Adapter, number])[],
  method: CombineMethod,
  more: { rank?: number; density?: number; seed?: number; signal?: AbortSignal } = {},
): Promise<Combination> {
  const { rank = null, density = 1, seed = 1, signal = new AbortController().signal } = more;
  const adapters = parts.map(([adapter, weight], i) => ({ label: `adapter ${i}`, weight, adapter }));
  const options = { method, rank, density, majoritySign: 'total', mask: drawnMasks(seed, density) } as const;
  return combine(model, adapters, options, signal, () => undefined);
}

test('an adapter alone, or with its own opposite, is itself, or nothing, in what the model gives', async () => {
  const language = await LanguageModel.open(tinyModels.llama, 'cpu');
  const one = await drawn(1, { lora_alpha: 4, use_rslora: true });
  const other = await drawn(2, { r: 2, target_modules: 'all-linear' });
  const logitsOf = async (adapter: Adapter | null) => attachedLogits(await language.attach(adapter));
  const rows = vocabularyRows(model.architecture.sizes, 0);
  for (const [parts, same] of [
    [[[one, 1]], one],
    [
      [
        [one, 2],
        [other, -1],
        [one, -1],
        [other, 1],
      ],
      one,
    ],
    [
      [
        [other, 0.5],
        [other, -0.5],
      ],
      null,
    ],
  ] as const) {
    for (const method of ['exact', 'cat'] as const) {
      const { adapter, residual } = await combined(parts, method);
      const { largest } = await logitChange(await logitsOf(same), await logitsOf(adapter), rows);
      assert.ok(largest < 5e-5, `${parts.length} parts, ${method}: ${largest}`);
      assert.ok(same === null || residual.overall < 1e-6);
    }
  }
  await language.close();
});

test('adapters of other modules, ranks and patterns combine; the configuration says the rank of each module', async () => {
  const one = await drawn(1, { rank_pattern: { v_proj: 5 }, alpha_pattern: { q_proj: 1 } });
  const other = await drawn(2, { target_modules: ['v_proj', 'o_proj'], layers_to_transform: [1] });
  const { adapter, residual } = await combined(
    [
      [one, 0.7],
      [other, -1.3],
    ],
    'exact',
  );
  assert.ok(residual.largest < 1e-6);
  const { r, rank_pattern: ranks, target_modules: targets } = adapter.method.config as Record<string, JsonObject>;
  assert.equal(r, 8);
  assert.equal(ranks!['model.layers.1.self_attn.o_proj'], 3);
  assert.equal(ranks!['model.layers.0.self_attn.v_proj'], 5);
  assert.ok(!Object.hasOwn(ranks!, 'model.layers.1.self_attn.v_proj'));
  assert.equal((targets as unknown as string[]).length, 2 * model.architecture.sizes.layers + 1);
  assert.ok(adapter.method.factorPairs!.every(({ scaling }) => scaling === 1));
});

test('what lies beside an embedding table adds up as well', async () => {
  const language = await LanguageModel.open(tinyModels.llama, 'cpu');
  const one = await drawn(1, { target_modules: ['embed_tokens', 'v_proj'] });
  const other = await drawn(2, { target_modules: ['embed_tokens'] });
  const { adapter, residual } = await combined(
    [
      [one, 1],
      [other, 2],
      [other, -2],
    ],
    'exact',
  );
  assert.ok(residual.overall < 1e-6);
  const logitsOf = async (which: Adapter) => attachedLogits(await language.attach(which));
  const rows = vocabularyRows(model.architecture.sizes, 0);
  const { largest } = await logitChange(await logitsOf(one), await logitsOf(adapter), rows);
  assert.ok(largest < 5e-5, String(largest));
  await language.close();
});

test('exact cuts ranks that a matrix cannot have, and stays exact', async () => {
  const parts: (readonly [Adapter, number])[] = [];
  for (let seed = 1; seed <= 4; seed++)
    parts.push([await drawn(seed, { r: 20, target_modules: ['k_proj'] }), 1 / seed]);
  const { adapter, residual } = await combined(parts, 'exact');
  assert.equal(adapter.method.config.r, 24, 'the narrow side of k_proj');
  assert.ok(residual.largest < 1e-6);
  const { adapter: long } = await combined(parts, 'cat');
  assert.equal(long.method.config.r, 80);
});

test('svd leaves no more than any other way of its rank, and less with a higher one', async () => {
  const parts = [
    [await drawn(1), 1],
    [await drawn(2), 0.5],
  ] as const;
  const error = async (method: CombineMethod, rank?: number) =>
    (await combined(parts, method, rank === undefined ? {} : { rank })).residual.overall;
  const own = await error('svd');
  assert.ok(own < (await error('linear')));
  assert.ok((await error('svd', 2)) > own && (await error('svd', 5)) < own);
  assert.ok((await error('svd', 6)) < 1e-6);
});

test('IA3: the changes of the weights add up, or the factors as PEFT adds them', async () => {
  const ia3 = { peft_type: 'IA3', init_ia3_weights: false };
  const some = await drawnAdapter(model, 1, ia3);
  const others = { target_modules: ['q_proj', 'down_proj'], feedforward_modules: ['down_proj'] };
  const other = await drawnAdapter(model, 2, { ...ia3, ...others });
  const same = await drawnAdapter(model, 3, ia3);
  const name = 'base_model.model.model.layers.1.mlp.down_proj.ia3_l';
  const factors = ({ tensors }: Adapter) => tensors.get(name)!;
  const { adapter, residual } = await combined(
    [
      [some, 0.5],
      [other, -2],
    ],
    'exact',
  );
  for (const [i, found] of factors(adapter).entries()) {
    const expected = 1 + 0.5 * (factors(some)[i]! - 1) - 2 * (factors(other)[i]! - 1);
    assert.equal(found, Math.fround(expected));
  }
  assert.ok(residual.largest < 1e-6);
  assert.equal(adapter.tensors.size, 4 * model.architecture.sizes.layers);
  const linear = await combined(
    [
      [some, 0.5],
      [same, 0.25],
    ],
    'linear',
  );
  assert.equal(factors(linear.adapter)[3], Math.fround(0.5 * factors(some)[3]! + 0.25 * factors(same)[3]!));
  assert.deepEqual(linear.adapter.method.config.target_modules, some.method.config.target_modules);
  assert.ok(linear.residual.overall > 0.1);
  assert.ok(
    (
      await combined(
        [
          [some, 0.5],
          [same, 0.5],
        ],
        'linear',
      )
    ).residual.overall < 1e-6,
    'weights that add up to 1',
  );
  await assert.rejects(combined([[some, 1]], 'svd'), /is IA3, .* no matrices for svd/);
  const flipped = await drawnAdapter(model, 2, { ...ia3, ...others, feedforward_modules: [] });
  await assert.rejects(
    combined(
      [
        [some, 1],
        [flipped, 1],
      ],
      'exact',
    ),
    /scales the other side/,
  );
});

test('dare keeps the same elements for the same seed', async () => {
  const parts = [
    [await drawn(1), 1],
    [await drawn(2), 0.5],
  ] as const;
  const of = async (seed: number) => {
    const { adapter } = await combined(parts, 'dare_linear', { density: 0.5, seed });
    return [...adapter.tensors.values()].map((values) => [...values]);
  };
  assert.deepEqual(await of(1), await of(1));
  assert.notDeepEqual(await of(1), await of(2));
});

test('what does not add up is refused with a reason', async () => {
  const one = await drawn(1);
  for (const [adapter, method, words] of [
    [await drawn(2, { use_dora: true }), 'exact', /adapter 1 cannot be combined: is DoRA/],
    [await drawn(2, { modules_to_save: ['lm_head'] }), 'cat', /trains base_model\.model\.lm_head\.weight beside/],
    [await drawnAdapter(model, 1, { peft_type: 'IA3' }), 'exact', /is IA3/],
    [await drawnAdapter(model, 1, { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 2 }), 'exact', /is PROMPT_TUNING/],
    [await drawn(2, { r: 4 }), 'linear', /rank in .* is 4, that of adapter 0 3/],
    [await drawn(2, { r: 4 }), 'ties', /Choose exact, cat or svd/],
  ] as const) {
    await assert.rejects(
      combined(
        [
          [one, 1],
          [adapter, 1],
        ],
        method,
      ),
      words,
    );
  }
  await assert.rejects(combined([[one, 1]], 'exact', { signal: AbortSignal.abort() }), /Cancelled/);
});
