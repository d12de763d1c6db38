import { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import { TorchRandom } from '../foundation/torchRandom.ts';
import type { TrainableSpec } from '../models/attachment.ts';
import type { LinearSite } from '../models/sites.ts';
import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import { additionsMethod, type LayerAddition, layerConfig } from './layerAddition.ts';
import { loraTargets } from './loraConfig.ts';
import { addRow } from './lowRankMerge.ts';
import type { Method, MethodFactory } from './method.ts';
import { savedModules } from './savedModules.ts';
import { targetsOf } from './targets.ts';

/** PEFT's `target_modules` where a VERA configuration gives none, by transformers' `model_type`. */
const veraTargets: Readonly<Record<string, readonly string[]>> = { ...loraTargets, phi: ['q_proj', 'v_proj'] };

/** adapter_config.json as PEFT 0.21 writes it, with PEFT's defaults. */
const veraDefaults: JsonObject = {
  auto_mapping: null,
  bias: 'none',
  d_initial: 0.1,
  fan_in_fan_out: false,
  inference_mode: true,
  init_weights: true,
  layers_pattern: null,
  layers_to_transform: null,
  modules_to_save: null,
  peft_type: 'VERA',
  projection_prng_key: 0,
  r: 256,
  revision: null,
  save_projection: true,
  vera_dropout: 0,
};

/** The two random matrices that all layers share, each as large as the largest layer asks for. */
interface Projections {
  /** `[rank, inFeatures]`. */
  readonly a: TrainableSpec & { readonly dims: readonly [number, number] };
  /** `[outFeatures, rank]`. */
  readonly b: TrainableSpec & { readonly dims: readonly [number, number] };
}

/**
 * VeRA, Kopiczko et al., https://arxiv.org/abs/2310.11454: y = W x + b * B (d * A x), where A and B are random, not trained
 * and shared by all layers, which use as much of them as they are wide, and each layer trains its d `[rank]` and b
 * `[outFeatures]`. Without `save_projection` the file has no A and B: they are drawn again, as torch draws them.
 */
export const vera: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  const bias = options.string('bias', 'none');
  if (bias !== 'none')
    throw options.invalid('bias', `is "${bias}", but PEFT keeps no biases with this method; only none is known`);
  const rank = options.count('r', 256);
  const targets = targetsOf(options, model, veraTargets);
  const { sites } = targets;
  const projections: Projections = {
    a: {
      name: 'base_model.vera_A',
      dims: [rank, Math.max(...sites.map(({ inFeatures }) => inFeatures))],
      frozen: true,
    },
    b: {
      name: 'base_model.vera_B',
      dims: [Math.max(...sites.map(({ outFeatures }) => outFeatures)), rank],
      frozen: true,
    },
  };
  const first = options.boolean('init_weights', true) ? options.number('d_initial', 0.1) : null;
  const key = options.integer('projection_prng_key', 0);
  const drawn = () => drawnProjections(projections, key);
  const method = additionsMethod(
    'VERA',
    model,
    layerConfig(veraDefaults, config, model, targets),
    sites.map((site) => scaledProjection(site, projections, rank, first)),
    savedModules(options, model),
    { trainables: [projections.a, projections.b], first: drawn },
  );
  if (options.boolean('save_projection', true)) return method;
  const again = [projections.a, projections.b].map(({ name }) => [name, () => drawn().get(name)!] as const);
  return { ...method, derived: new Map(again) };
};

/** What is added to one layer; d begins as `first` and b as 0 or, where that is null, for tests, at random and as 1. */
function scaledProjection(site: LinearSite, { a, b }: Projections, rank: number, first: number | null): LayerAddition {
  const { inFeatures, outFeatures } = site;
  const at = `base_model.model.${site.path}`;
  const outputs = { name: `${at}.vera_lambda_b`, dims: [outFeatures] };
  const inner = { name: `${at}.vera_lambda_d`, dims: [rank] };
  return {
    site,
    scaling: 1,
    trainables: [outputs, inner],
    apply: (g, x, trained) => {
      const down = g.gemm(x, firstOf(g, trained.get(a.name)!, 1, inFeatures), { transB: 1 });
      const scaled = g.mul(down, trained.get(inner.name)!);
      const up = g.gemm(scaled, firstOf(g, trained.get(b.name)!, 0, outFeatures), { transB: 1 });
      return g.mul(up, trained.get(outputs.name)!);
    },
    change: (trained) => {
      const [wideA, wideB] = [trained.get(a.name)!, trained.get(b.name)!];
      const [factorsOut, factorsIn] = [trained.get(outputs.name)!, trained.get(inner.name)!];
      return (row, o) => {
        for (let r = 0; r < rank; r++) {
          addRow(row, wideA, r, a.dims[1], factorsOut[o]! * wideB[o * rank + r]! * factorsIn[r]!);
        }
      };
    },
    first: (random) => [
      new Float32Array(outFeatures).fill(first === null ? 1 : 0),
      Float32Array.from({ length: rank }, () => first ?? random.normal()),
    ],
  };
}

/** The first so many of a matrix along an axis. */
function firstOf(g: Builder, x: Value, axis: 0 | 1, count: number): Value {
  const all = x.dims[axis] as number;
  return count === all ? x : g.split(x, axis, [count, all - count])[0]!;
}

/** Kaiming's uniform with the gain of a ReLU, A before B, from one generator. */
function drawnProjections({ a, b }: Projections, key: number): ReadonlyMap<string, Float32Array> {
  const random = new TorchRandom(key);
  return new Map(
    [a, b].map(({ name, dims: [rows, fanIn] }) => [
      name,
      random.uniform(rows * fanIn, Math.sqrt(3) * (Math.SQRT2 / Math.sqrt(fanIn))),
    ]),
  );
}
