import { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';
import { adaloraAsLora } from './adaloraAsLora.ts';
import { additionsMethod, type LayerAddition, layerConfig } from './layerAddition.ts';
import { loraDefaults, refuseUnsupported } from './loraConfig.ts';
import { normal } from './loraInits.ts';
import { addRow } from './lowRankMerge.ts';
import type { Method, MethodFactory } from './method.ts';
import { type BudgetSchedule, rankAllocator } from './rankAllocator.ts';
import { emptyTensors, rankPattern, type TripletLayer, tripletLayer, withoutPruned } from './rankPattern.ts';
import { savedModules } from './savedModules.ts';
import { targetsOf } from './targets.ts';
import { trainedBiases } from './trainedBiases.ts';

/** PEFT's `target_modules` where an ADALORA configuration gives none, by transformers' `model_type`. */
const adaloraTargets: Readonly<Record<string, readonly string[]>> = {
  bert: ['query', 'value'],
  gemma: ['q_proj', 'v_proj'],
  gemma2: ['q_proj', 'v_proj'],
  gemma3_text: ['q_proj', 'v_proj'],
  gpt2: ['c_attn'],
  gpt_neox: ['query_key_value'],
  llama: ['q_proj', 'v_proj'],
  opt: ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc1', 'fc2'],
  qwen2: ['q_proj', 'v_proj'],
  qwen3: ['q_proj', 'v_proj'],
  roberta: ['query', 'key', 'value', 'dense'],
  t5: ['q', 'k', 'v', 'o', 'wi', 'wo'],
};

/** adapter_config.json as PEFT 0.21 writes it, with PEFT's defaults. */
const adaloraDefaults: JsonObject = {
  ...loraDefaults,
  beta1: 0.85,
  beta2: 0.85,
  deltaT: 1,
  fan_in_fan_out: false,
  init_r: 12,
  orth_reg_weight: 0.5,
  peft_type: 'ADALORA',
  rank_pattern: null,
  target_r: 8,
  tfinal: 0,
  tinit: 0,
  total_step: null,
};

/**
 * AdaLoRA, Zhang et al., https://arxiv.org/abs/2303.10512: y = W x + s B (E * A x) with s = alpha / `init_r`. While it is
 * trained, a penalty keeps A and B near to orthogonal, and the triplets that matter least are pruned (rankAllocator.ts). What
 * is stored has those that are left, and says in `rank_pattern` which they are.
 */
export const adalora: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  refuseUnsupported(options);
  if (options.boolean('use_dora', false)) throw options.invalid('use_dora', 'does not go with ADALORA');
  const weight = options.number('orth_reg_weight', 0.5);
  if (weight <= 0) throw options.invalid('orth_reg_weight', `is ${weight}; it must be more than 0`);
  const targets = targetsOf(options, model, adaloraTargets);
  const begunRank = options.count('init_r', 12);
  const layers = targets.sites.map((site) => tripletLayer(options, site, begunRank));
  const held = layers.filter(({ rank }) => rank > 0);
  const alpha = options.number('lora_alpha', 8);
  // PEFT's sum, which keeps it from dividing by 0.
  const scaling = (alpha > 0 ? alpha : begunRank) / (begunRank + 1e-5);
  const begins = options.raw('init_lora_weights') !== false;
  const biases = trainedBiases(options, model, targets.sites);
  const saved = savedModules(options, model).filter((module) => !biases.some((bias) => bias.weight === module.weight));
  const schedule = scheduleOf(options, layers.length);
  const sums = additionsMethod(
    'ADALORA',
    model,
    layerConfig(adaloraDefaults, config, model, targets),
    held.map((layer) => tripletSum(layer, scaling, begins)),
    [...biases, ...saved],
  );
  const method: Method = {
    ...sums,
    structure: `${sums.structure} ${weight}`,
    biases: biases.map(({ name }) => name),
    copies: layers.flatMap(emptyTensors),
    penalty: (trained, g) => g.scale(unlikeness(held, trained, g), weight / (2 * layers.length)),
    ...(schedule !== null && { afterStep: rankAllocator(schedule, held) }),
    forRun: (totalSteps) =>
      schedule === null ? adalora({ ...config, total_step: totalSteps }, model, source) : method,
    asLora: (trained) => adaloraAsLora(method, layers, scaling, trained, model),
    stored: (trained) => {
      const pattern = rankPattern(layers, trained);
      if (pattern === null) return { method, tensors: trained };
      const cut = adalora({ ...config, rank_pattern: pattern }, model, source);
      return { method: cut, tensors: withoutPruned(layers, trained) };
    },
  };
  return method;
};

/** When what is pruned, over a run of `total_step` steps; null while that is not known. @throws SoftpromptError config-key */
function scheduleOf(options: ModelConfig, layers: number): BudgetSchedule | null {
  const totalSteps = options.optionalInteger('total_step');
  const steps = (key: string, fallback: number, least: number) => {
    const value = options.integer(key, fallback);
    if (value < least) throw options.invalid(key, `is ${value}; it must be a whole number from ${least}`);
    return value;
  };
  const share = (key: string) => {
    const value = options.number(key, 0.85);
    if (!(value > 0 && value < 1)) throw options.invalid(key, `is ${value}; it must be between 0 and 1`);
    return value;
  };
  const schedule = {
    target: steps('target_r', 8, 1) * layers,
    tinit: steps('tinit', 0, 0),
    tfinal: steps('tfinal', 0, 0),
    deltaT: steps('deltaT', 1, 1),
    beta1: share('beta1'),
    beta2: share('beta2'),
  };
  if (totalSteps === undefined) return null;
  const { tinit, tfinal } = schedule;
  if (tinit >= totalSteps - tfinal) {
    const problem = `and tfinal (${tinit} and ${tfinal}) leave none of ${totalSteps} steps (total_step) to prune in`;
    throw options.invalid('tinit', problem);
  }
  return { ...schedule, totalSteps };
}

/** What is added to one layer; where it `begins` as the base model, E is 0 and the others are small. */
function tripletSum(layer: TripletLayer, scaling: number, begins: boolean): LayerAddition {
  const { site, names, rank, inFeatures, outFeatures } = layer;
  const deviation = begins ? 0.02 : 1;
  return {
    site,
    scaling,
    trainables: [
      { name: names.a, dims: [rank, inFeatures] },
      { name: names.e, dims: [rank, 1] },
      { name: names.b, dims: [outFeatures, rank] },
    ],
    apply: (g, x, trained) => {
      const down = g.gemm(x, trained.get(names.a)!, { transB: 1 });
      const scaled = g.mul(down, g.reshape(trained.get(names.e)!, [rank]));
      return g.gemm(scaled, trained.get(names.b)!, { transB: 1, alpha: scaling });
    },
    change: (trained) => {
      const [a, e, b] = [trained.get(names.a)!, trained.get(names.e)!, trained.get(names.b)!];
      return (row, o) => {
        for (let r = 0; r < rank; r++) addRow(row, a, r, inFeatures, scaling * b[o * rank + r]! * e[r]!);
      };
    },
    first: (random) => [
      normal(random, rank * inFeatures, deviation),
      begins ? new Float32Array(rank) : normal(random, rank, 1),
      normal(random, outFeatures * rank, deviation),
    ],
  };
}

/** How far A and B of all layers are from orthogonal: the sum of the norms of A A' - 1 and B' B - 1. */
function unlikeness(layers: readonly TripletLayer[], trained: ReadonlyMap<string, Value>, g: Builder): Value {
  const terms = layers.flatMap(({ names, rank }) => {
    const one = g.floats('identity', identity(rank), [rank, rank]);
    const products = [
      g.gemm(trained.get(names.a)!, trained.get(names.a)!, { transB: 1 }),
      g.gemm(trained.get(names.b)!, trained.get(names.b)!, { transA: 1 }),
    ];
    return products.map((product) => {
      const rest = g.sub(product, one);
      return g.sqrt(g.reshape(g.reduceSum(g.mul(rest, rest), [0, 1]), []));
    });
  });
  return terms.length === 0 ? g.scalar(0) : terms.reduce((sum, term) => g.add(sum, term));
}

function identity(size: number): Float32Array {
  return Float32Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0));
}
