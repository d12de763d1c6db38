import { ModelConfig } from '../checkpoint/config.ts';
import type { Model } from '../models/model.ts';
import type { LinearSite } from '../models/sites.ts';
import { peftTaskTypes } from '../models/task.ts';
import { type MergedTensor, type Method, type MethodFactory, noPositions } from './method.ts';
import { firstValues, inPlace, mergedInPlace, savedModules } from './savedModules.ts';
import { defaultModules, expression, type ModulePattern, modulePattern, targetsOf } from './targets.ts';

/** PEFT's `target_modules` where an IA3 configuration gives none, by transformers' `model_type`. */
const ia3Targets: Readonly<Record<string, readonly string[]>> = {
  bert: ['key', 'value', 'output.dense'],
  gemma: ['q_proj', 'v_proj', 'down_proj'],
  gemma2: ['q_proj', 'v_proj', 'down_proj'],
  gemma3_text: ['q_proj', 'v_proj', 'down_proj'],
  gpt2: ['c_attn', 'mlp.c_proj'],
  gpt_neox: ['query_key_value', 'dense_4h_to_h'],
  llama: ['k_proj', 'v_proj', 'down_proj'],
  mistral: ['k_proj', 'v_proj', 'down_proj'],
  opt: ['q_proj', 'k_proj', 'fc2'],
  phi: ['q_proj', 'v_proj', 'fc2'],
  qwen2: ['q_proj', 'v_proj', 'down_proj'],
  qwen3: ['q_proj', 'v_proj', 'down_proj'],
  roberta: ['key', 'value', 'output.dense'],
  t5: ['k', 'v', 'wo'],
};

/** The same for `feedforward_modules`. */
const ia3Feedforward: Readonly<Record<string, readonly string[]>> = {
  bert: ['output.dense'],
  gemma: ['down_proj'],
  gemma2: ['down_proj'],
  gemma3_text: ['down_proj'],
  gpt2: ['mlp.c_proj'],
  gpt_neox: ['dense_4h_to_h'],
  llama: ['down_proj'],
  mistral: ['down_proj'],
  opt: ['fc2'],
  phi: ['fc2'],
  qwen2: ['down_proj'],
  qwen3: ['down_proj'],
  roberta: ['output.dense'],
  t5: ['wo'],
};

/** The factors on one linear layer. */
interface Factors {
  readonly site: LinearSite;
  /** Whether they act on the layer's input: `[1, inFeatures]`; otherwise on its output: `[outFeatures, 1]`. */
  readonly onInput: boolean;
  /** The tensor under PEFT's name. */
  readonly name: string;
}

/**
 * (IA)^3, Liu et al., https://arxiv.org/abs/2205.05638: trained factors on the outputs of linear layers (bias included),
 * and on the inputs of those that `feedforward_modules` names.
 */
export const ia3: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  const saved = savedModules(options, model);
  const { sites, pattern } = targetsOf(options, model, ia3Targets);
  const feedforward = feedforwardOf(options, model);
  const isFeedforward = feedforwardTest(options, feedforward);
  const scaled = new Map(
    sites.map((site) => {
      const name = `base_model.model.${site.path}.ia3_l`;
      return [site.path, { site, name, onInput: isFeedforward(site.path) } satisfies Factors] as const;
    }),
  );
  const startsAtOne = options.boolean('init_ia3_weights', true);
  const vectors = [...scaled.values()].map(({ site, name, onInput }) => ({
    name,
    dims: onInput ? [1, site.inFeatures] : [site.outFeatures, 1],
  }));
  const parts = [...scaled].map(([path, { onInput }]) => [path, onInput]);
  return {
    peftType: 'IA3',
    structure: `IA3 ${JSON.stringify({ parts, saved: saved.map(({ name }) => name) })}`,
    ...noPositions,
    trainables: [...vectors, ...saved.map(({ name, dims }) => ({ name, dims }))],
    hooks: (trained) => ({
      weight: inPlace(saved, trained),
      linearInput: (b, { path }, x) => {
        const factors = scaled.get(path);
        return factors?.onInput ? b.mul(x, trained.get(factors.name)!) : x;
      },
      linear: (b, { path, outFeatures }, _x, y) => {
        const factors = scaled.get(path);
        return factors === undefined || factors.onInput
          ? y
          : b.mul(y, b.reshape(trained.get(factors.name)!, [1, outFeatures]));
      },
    }),
    wholeWeights: saved,
    merged: new Map([...[...scaled.values()].flatMap(mergedFactors), ...mergedInPlace(saved)]),
    config: {
      auto_mapping: null,
      base_model_name_or_path: model.dir,
      exclude_modules: null,
      inference_mode: true,
      init_ia3_weights: true,
      modules_to_save: null,
      peft_type: 'IA3',
      revision: null,
      task_type: peftTaskTypes[model.task],
      ...config,
      // PEFT sets it from the kind of layer.
      fan_in_fan_out: sites.some(({ layout }) => layout === 'in_out'),
      feedforward_modules: feedforward,
      target_modules: pattern,
    },
    initialise: async ({ random }) => {
      const first = new Map<string, Float32Array>();
      for (const { name, dims } of vectors) {
        const length = dims.reduce((n, size) => n * size, 1);
        const values = Float32Array.from({ length }, () => (startsAtOne ? 1 : random.normal()));
        first.set(name, values);
      }
      return new Map([...first, ...(await firstValues(saved, { model, random }))]);
    },
  };
};

/** The layer's weight times the factors of its inputs or outputs, and its bias times those of its outputs. */
function mergedFactors({ site, onInput, name }: Factors): readonly (readonly [string, MergedTensor])[] {
  const { path, inFeatures, outFeatures, layout, hasBias } = site;
  const alongRows = onInput === (layout === 'out_in');
  const width = layout === 'out_in' ? inFeatures : outFeatures;
  const weight: MergedTensor = (base, trained) => {
    const factors = trained.get(name)!;
    return base.map((x, at) => x * factors[alongRows ? at % width : Math.floor(at / width)]!);
  };
  const bias: MergedTensor = (base, trained) => base.map((x, at) => x * trained.get(name)![at]!);
  return [[`${path}.weight`, weight], ...(hasBias && !onInput ? ([[`${path}.bias`, bias]] as const) : [])];
}

/** `feedforward_modules`; an empty list means none, a missing one PEFT's default. */
function feedforwardOf(options: ModelConfig, model: Model): ModulePattern {
  const given = options.raw('feedforward_modules');
  if (given === undefined || given === null)
    return defaultModules(options, 'feedforward_modules', model, ia3Feedforward);
  return modulePattern(options, 'feedforward_modules') ?? [];
}

/** Unlike target_modules, names may begin in the middle of a part: PEFT only looks how the path ends. */
function feedforwardTest(options: ModelConfig, pattern: ModulePattern): (path: string) => boolean {
  if (typeof pattern !== 'string') return (path) => pattern.some((name) => path.endsWith(name));
  const whole = expression(options, 'feedforward_modules', `^(?:${pattern})$`);
  return (path) => whole.test(path);
}
