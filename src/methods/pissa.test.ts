import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { drawnAdapter, drawnRows } from '../../test/engine/drawn.ts';
import { scoresOf } from '../../test/engine/scores.ts';
import { plainOptions, trained } from '../../test/engine/training.ts';
import { largestError, tinyModels } from '../../test/golden/reference.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { readAdapter } from './adapter.ts';
import { baseTensor } from './savedModules.ts';
import { configureMethod } from './table.ts';
import { writeTrained } from './trainedAdapter.ts';

const pissa = { peft_type: 'LORA', r: 3, lora_alpha: 5, target_modules: 'all-linear', init_lora_weights: 'pissa' };

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pissa-'));
});
after(() => rm(dir, { recursive: true }));

for (const [family, folder] of Object.entries({ gpt2: tinyModels.gpt2, llama: tinyModels.llama })) {
  describe(family, async () => {
    const language = await LanguageModel.open(folder, 'cpu');
    after(() => language.close());
    const { model } = language;
    const rows = drawnRows(model, 4);

    test('what is left of a weight without the product has the smaller singular values only', async () => {
      const path = family === 'gpt2' ? 'transformer.h.1.mlp.c_fc' : 'model.layers.1.mlp.down_proj';
      const [inAxis, outAxis] = family === 'gpt2' ? [0, 1] : [1, 0];
      const { shape } = model.weights.tensors.get(`${path}.weight`)!;
      const [into, out] = [shape[inAxis]!, shape[outAxis]!];
      const weight = await baseTensor(model, `${path}.weight`);
      const at = (o: number, i: number) => weight[family === 'gpt2' ? i * out + o : o * into + i]!;
      const factors = async (init_lora_weights: string) => {
        const { tensors } = await drawnAdapter(model, 1, { ...pissa, init_lora_weights });
        const at = `base_model.model.${path}`;
        return { a: tensors.get(`${at}.lora_A.weight`)!, b: tensors.get(`${at}.lora_B.weight`)! };
      };
      type Factors = Awaited<ReturnType<typeof factors>>;
      const left = ({ a, b }: Factors, o: number, i: number) => {
        let product = 0;
        for (let k = 0; k < 3; k++) product += b[o * 3 + k]! * a[k * into + i]!;
        return at(o, i) - (5 / 3) * product;
      };
      const size = (found: Factors) => {
        let sum = 0;
        for (let o = 0; o < out; o++) for (let i = 0; i < into; i++) sum += left(found, o, i) ** 2;
        return Math.sqrt(sum);
      };

      const exact = await factors('pissa');
      for (let k = 0; k < 3; k++) {
        // What is left has nothing along a row of A; A A^T and B^T B are one diagonal.
        for (let o = 0; o < out; o++) {
          let along = 0;
          for (let i = 0; i < into; i++) along += left(exact, o, i) * exact.a[k * into + i]!;
          assert.ok(Math.abs(along) < 1e-4, `${along}`);
        }
        for (let l = 0; l < 3; l++) {
          let [rowsOfA, columnsOfB] = [0, 0];
          for (let i = 0; i < into; i++) rowsOfA += exact.a[k * into + i]! * exact.a[l * into + i]!;
          for (let o = 0; o < out; o++) columnsOfB += exact.b[o * 3 + k]! * exact.b[o * 3 + l]!;
          assert.ok(Math.abs(rowsOfA - columnsOfB) < 1e-4);
          if (k !== l) assert.ok(Math.abs(rowsOfA) < 1e-4);
        }
      }
      const least = size(exact);
      const near = size(await factors('pissa_niter_16'));
      assert.ok(near >= least * (1 - 1e-6) && near < least * 1.01, `${near} is left, at best ${least}`);
    });

    for (const [name, keys] of Object.entries<JsonObject>({
      plain: {},
      'with DoRA': { use_dora: true },
      'with rsLoRA and patterns': { use_rslora: true, rank_pattern: { '.*1.*': 2 }, alpha_pattern: { '.*0.*': 3 } },
    })) {
      test(`${name}: begins as the base model; what is stored gives, on the model as it is, what was trained`, async () => {
        const method = configureMethod({ ...pissa, ...keys }, model);
        const adapter = await drawnAdapter(model, 1, { ...pissa, ...keys });
        const base = (await scoresOf(await language.attach(null), rows)).flatMap((row) => [...row]);
        const scores = async (with_: typeof adapter) =>
          (await scoresOf(await language.attach(with_), rows)).flatMap((row) => [...row]);
        assert.ok(largestError(await scores(adapter), base) <= 1e-4);

        const options = { ...plainOptions, max_steps: 3, learning_rate: 0.01 };
        const setup = { model, method: adapter.method, initial: adapter.tensors, rows, options, checkpoints: dir };
        const { outcome, events } = await trained(setup);
        const [start] = events;
        const ofTheRank = configureMethod({ ...pissa, ...keys, init_lora_weights: true }, model).trainables;
        assert.equal(
          start?.event === 'start' && start.trainable_parameters,
          ofTheRank.reduce((sum, { dims }) => sum + dims.reduce((n, size) => n * size, 1), 0),
        );
        const after = await scores({ method: adapter.method, tensors: outcome.tensors });
        assert.ok(largestError(after, base) > 0.01);

        const folder = await mkdtemp(join(dir, 'stored-'));
        await writeTrained(folder, method, outcome.tensors);
        const stored = await readAdapter(folder, model);
        assert.partialDeepStrictEqual(stored.method.config, { r: 6, init_lora_weights: true });
        assert.ok(largestError(await scores(stored), after) <= 1e-5);
      });
    }
  });
}

test('a folder that PEFT did not convert is for other weights, and refused', async () => {
  const folder = await mkdtemp(join(dir, 'peft-'));
  const { model } = await LanguageModel.open(tinyModels.llama, 'cpu');
  const plain = await drawnAdapter(model, 1, { ...pissa, init_lora_weights: true });
  await writeTrained(folder, { ...plain.method, config: pissa }, plain.tensors);
  await assert.rejects(readAdapter(folder, model), (error) => {
    assert.ok(SoftpromptError.is(error, 'adapter-unusable'), String(error));
    assert.match(error.message, /goes with weights that the training changed/);
    return true;
  });
});
