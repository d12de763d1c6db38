import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { readFloat32 } from '../../src/checkpoint/tensorReading.ts';
import { Random } from '../../src/foundation/random.ts';
import { LanguageModel } from '../../src/inference/languageModel.ts';
import { LossRunner } from '../../src/inference/lossRunner.ts';
import type { MethodShape, TrainedTensors } from '../../src/methods/method.ts';
import { baseModel } from '../../src/methods/table.ts';
import { buildVirtualGraph, cacheNames } from '../../src/models/decodeGraph.ts';
import { virtualInputs } from '../../src/models/inputs.ts';
import { type LabelledRow, unsupervised } from '../../src/models/labelledRow.ts';
import { buildLossGraph } from '../../src/models/lossGraph.ts';
import type { Model } from '../../src/models/model.ts';
import type { LinearSite, SubBlockSite } from '../../src/models/sites.ts';
import { GraphSession } from '../../src/runtime/session.ts';
import { floats } from '../../src/runtime/tensor.ts';
import { tinyModels } from '../golden/reference.ts';
import { drawnPrompt, drawnRows } from './drawn.ts';

/** Two ways to compute the same thing in float32: sums are taken in another order. */
const tolerance = 1e-5;

const { gpt2, llama, gptNeox, opt, phi, gemma, gemma2, gemma3 } = tinyModels;

/** A linear layer of each family, with the axis of its weight along which outputs lie. */
const targets = {
  gpt2: { path: 'transformer.h.1.mlp.c_fc', outAxis: 1 },
  llama: { path: 'model.layers.1.self_attn.q_proj', outAxis: 0 },
  gptNeox: { path: 'gpt_neox.layers.1.attention.query_key_value', outAxis: 0 },
  opt: { path: 'model.decoder.project_in', outAxis: 0 },
  phi: { path: 'model.layers.1.mlp.fc2', outAxis: 0 },
  gemma: { path: 'model.layers.1.self_attn.k_proj', outAxis: 0 },
  gemma2: { path: 'model.layers.1.self_attn.o_proj', outAxis: 0 },
  gemma3: { path: 'model.layers.1.mlp.gate_proj', outAxis: 0 },
};

async function logprobs(model: Model, method: MethodShape, rows: readonly LabelledRow[], tensors: TrainedTensors) {
  const runner = await LossRunner.create(model, method, 'cpu', false);
  const { logprobs: found } = await runner.run(rows, tensors);
  await runner.close();
  return found.flatMap((row) => [...row]);
}

function assertClose(found: readonly number[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  for (const [i, x] of found.entries()) assert.ok(Math.abs(x - expected[i]!) < tolerance, `${i}: ${x}, ${expected[i]}`);
}

for (const [family, dir] of Object.entries({ gpt2, llama, gptNeox, opt, phi, gemma, gemma2, gemma3 })) {
  describe(`hooks on ${family}`, async () => {
    const language = await LanguageModel.open(dir, 'cpu');
    after(() => language.close());
    const { model } = language;
    const { layers } = model.architecture.sizes;
    // The first token cannot be predicted without hidden states before it, so it is not asked for here.
    const rows = drawnRows(model, 5).map(({ inputIds, labels }) => ({
      inputIds,
      labels: Array.from(labels, (label, t) => (t === 0 ? unsupervised : label)),
    }));

    test('every linear layer and every sub-block is a site, once a layer, with its sizes', () => {
      const linear: LinearSite[] = [];
      const subBlocks: SubBlockSite[] = [];
      buildLossGraph(
        model,
        {
          trainables: [],
          hooks: () => ({
            linear: (_b, site, x, y, { weight, bias }) => {
              assert.deepEqual([x.dims[1], y.dims[1]], [site.inFeatures, site.outFeatures]);
              const outIn = [site.outFeatures, site.inFeatures];
              assert.deepEqual(site.layout === 'out_in' ? weight.dims : [...weight.dims].reverse(), outIn);
              assert.deepEqual(bias?.dims, site.hasBias ? [site.outFeatures] : undefined);
              linear.push(site);
              return y;
            },
            subBlock: (_b, { layer, kind, path }, residual, output, end) => {
              assert.deepEqual(residual.dims, output.dims);
              subBlocks.push({ layer, kind, path });
              return end(output);
            },
          }),
        },
        false,
      );
      const matrices = model.architecture.weights.filter(
        ({ name, shape }) => shape.length === 2 && !/wte|wpe|embed|lm_head/.test(name),
      );
      const inside = linear.map(({ path }) => path).filter((path) => !/lm_head|embed_out/.test(path));
      assert.deepEqual(inside.sort(), matrices.map(({ name }) => name.replace(/\.weight$/, '')).sort());
      const expected = Array.from({ length: layers }, (_, layer) => [
        { layer, kind: 'attention' },
        { layer, kind: 'mlp' },
      ]);
      assert.deepEqual(
        subBlocks.map(({ layer, kind }) => ({ layer, kind })),
        expected.flat(),
      );
      assert.equal(new Set(subBlocks.map(({ path }) => path)).size, subBlocks.length);
    });

    test('a low-rank path beside a linear layer equals the layer with the product added to its weight', async () => {
      const { path, outAxis } = targets[family as keyof typeof targets];
      const weight = model.weights.tensors.get(`${path}.weight`)!;
      const [out, into] = [weight.shape[outAxis]!, weight.shape[1 - outAxis]!];
      const rank = 2;
      const random = Random.of(1, 'low rank');
      const draw = (count: number) => Float32Array.from({ length: count }, () => 0.2 * random.normal());
      const [a, b] = [draw(rank * into), draw(out * rank)];

      const beside: MethodShape = {
        ...{ ...baseModel, structure: 'low rank', virtualOnly: false },
        trainables: [
          { name: 'A', dims: [rank, into] },
          { name: 'B', dims: [out, rank] },
        ],
        hooks: (trained) => ({
          linear: (g, site, x, y) => {
            if (site.path !== path) return y;
            const inner = g.gemm(x, trained.get('A')!, { transB: 1 });
            return g.add(y, g.gemm(inner, trained.get('B')!, { transB: 1 }));
          },
        }),
      };
      const merged = (await readFloat32(weight)).slice();
      for (let o = 0; o < out; o++) {
        for (let i = 0; i < into; i++) {
          let delta = 0;
          for (let r = 0; r < rank; r++) delta += b[o * rank + r]! * a[r * into + i]!;
          merged[outAxis === 0 ? o * into + i : i * out + o]! += delta;
        }
      }
      const inPlace: MethodShape = {
        ...{ ...baseModel, structure: 'in place', virtualOnly: false },
        trainables: [{ name: 'W', dims: weight.shape }],
        hooks: (trained) => ({ weight: (name) => (name === `${path}.weight` ? trained.get('W') : undefined) }),
      };
      const tensors = new Map([
        ['A', a],
        ['B', b],
      ]);
      const found = await logprobs(model, beside, rows, tensors);
      assertClose(found, await logprobs(model, inPlace, rows, new Map([['W', merged]])));
      assert.notDeepEqual(found, await logprobs(model, baseModel, rows, new Map()));
    });

    test('keys and values given to each layer equal the virtual tokens that make them', async () => {
      const prompt = await drawnPrompt(model, 1);
      const { virtualTokens } = prompt.method;
      const session = await GraphSession.create(buildVirtualGraph(model, prompt.method)!, 'cpu');
      const [{ name, dims }] = prompt.method.trainables as [(typeof prompt.method.trainables)[number]];
      const made = await session.run(
        new Map([
          ...virtualInputs(model.architecture.sizes, virtualTokens, 1),
          [name, floats(prompt.tensors.get(name)!, dims)],
        ]),
      );
      await session.close();
      const prefix: MethodShape = {
        ...{ structure: 'prefix', virtualTokens, virtualHidden: false, virtualOnly: true },
        trainables: [...made].map(([key, tensor]) => ({ name: key, dims: tensor.dims })),
        hooks: (trained) => ({
          keyValue: (_b, layer) => {
            const names = cacheNames('present', layer);
            return { key: trained.get(names.key)!, value: trained.get(names.value)! };
          },
        }),
      };
      const tensors = new Map([...made].map(([key, tensor]) => [key, tensor.data as Float32Array]));
      const found = await logprobs(model, prefix, rows, tensors);
      assertClose(found, await logprobs(model, prompt.method, rows, prompt.tensors));
      assert.notDeepEqual(found, await logprobs(model, baseModel, rows, new Map()));
    });
  });
}
