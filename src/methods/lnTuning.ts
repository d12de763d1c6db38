import { ModelConfig } from '../checkpoint/config.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { linearSites } from '../models/linearSites.ts';
import type { Model } from '../models/model.ts';
import { peftTaskTypes } from '../models/task.ts';
import { type Method, type MethodFactory, noPositions } from './method.ts';
import { firstValues, inPlace, mergedInPlace, savedModules, type TrainedWeight } from './savedModules.ts';
import { defaultModules, type ModulePattern, modulePattern, targetTest, unmatchedTargets } from './targets.ts';

/** PEFT's `target_modules` where an LN_TUNING configuration gives none, by transformers' `model_type`. */
const lnTargets: Readonly<Record<string, readonly string[]>> = {
  gemma: ['input_layernorm', 'post_attention_layernorm', 'norm'],
  gemma2: [
    ...['input_layernorm', 'post_attention_layernorm', 'pre_feedforward_layernorm'],
    ...['post_feedforward_layernorm', 'norm'],
  ],
  gemma3_text: [
    ...['input_layernorm', 'post_attention_layernorm', 'pre_feedforward_layernorm'],
    ...['post_feedforward_layernorm', 'norm'],
  ],
  gpt2: ['ln_1', 'ln_2', 'ln_f'],
  llama: ['input_layernorm', 'post_attention_layernorm', 'norm'],
  mistral: ['input_layernorm', 'post_attention_layernorm', 'norm'],
  phi: ['input_layernorm', 'final_layernorm'],
  qwen2: ['post_attention_layernorm'],
  qwen3: ['post_attention_layernorm'],
  t5: ['layer_norm', 'final_layer_norm'],
};

/**
 * LayerNorm tuning, Zhao et al., https://arxiv.org/abs/2312.11420: the parameters of the norms (weights, and biases where
 * they have any) are trained and stored themselves. PEFT's rule takes any module that `target_modules` names.
 */
export const lnTuning: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  const pattern =
    modulePattern(options, 'target_modules') ?? defaultModules(options, 'target_modules', model, lnTargets);
  const trained = [...targeted(options, model, pattern), ...savedModules(options, model)];
  const trainables = trained.map(({ name, dims }) => ({ name, dims }));
  return {
    peftType: 'LN_TUNING',
    structure: `LN_TUNING ${JSON.stringify(trainables.map(({ name }) => name))}`,
    ...noPositions,
    trainables,
    hooks: (values) => ({ weight: inPlace(trained, values) }),
    wholeWeights: trained,
    merged: new Map(mergedInPlace(trained)),
    config: {
      auto_mapping: null,
      base_model_name_or_path: model.dir,
      exclude_modules: null,
      inference_mode: true,
      modules_to_save: null,
      peft_type: 'LN_TUNING',
      revision: null,
      task_type: peftTaskTypes[model.task],
      ...config,
      target_modules: pattern,
    },
    initialise: ({ random }) => firstValues(trained, { model, random }),
  };
};

/** The tensors of the modules that a pattern names. @throws SoftpromptError config-key, targets-unmatched, not-supported */
function targeted(options: ModelConfig, model: Model, pattern: ModulePattern): readonly TrainedWeight[] {
  const isTarget = targetTest(options, model, pattern);
  const tensors = model.weights.tensors;
  const modules = [...tensors.keys()].flatMap((name) => /^(.*)\.weight$/.exec(name)?.[1] ?? []);
  const targets = modules.filter(isTarget);
  if (targets.length === 0) throw unmatchedTargets(options.file, pattern, modules);
  const { path: embedding } = model.architecture.tokenEmbedding;
  if (targets.includes(embedding) && linearSites(model).inHead.length === 0) {
    const what = `${options.file}: target_modules names ${embedding}, whose table is the output head's too; this`;
    throw new SoftpromptError('not-supported', { what });
  }
  return targets.flatMap((path) =>
    ['weight', 'bias'].flatMap((part) => {
      const info = tensors.get(`${path}.${part}`);
      const name = `base_model.model.${path}.ln_tuning_layers.${part}`;
      return info === undefined ? [] : [{ weight: `${path}.${part}`, name, dims: info.shape }];
    }),
  );
}
