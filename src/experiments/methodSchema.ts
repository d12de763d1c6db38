import { z } from 'zod';

/** The `method` of an experiment file: a section a method, in PEFT's own keys. */

const path = z.string().min(1);
const positiveInteger = z.int().min(1);

const initFrom = path
  .optional()
  .describe("Adapter folder to start from (PEFT's, or AdapterHub's for BOTTLENECK), relative to this file.");

const kept = z
  .unknown()
  .optional()
  .describe("PEFT's own key: kept in adapter_config.json; filled in from the model when absent.");

/** Keys of every PEFT configuration that have no meaning here. */
const peftKeys = {
  auto_mapping: kept,
  base_model_name_or_path: kept,
  inference_mode: kept,
  modules_to_save: kept,
  peft_version: kept,
  revision: kept,
  task_type: kept,
};

/** Keys of every PEFT prompt method: what PEFT counts in the model, and the number of virtual tokens. */
const promptKeys = {
  ...peftKeys,
  num_attention_heads: kept,
  num_layers: kept,
  num_transformer_submodules: kept,
  token_dim: kept,
  num_virtual_tokens: positiveInteger
    .optional()
    .describe('Number of trained virtual tokens. Default: 20, or as many as the adapter of init_from has.'),
  init_from: initFrom,
};

const initText = z
  .string()
  .nullable()
  .optional()
  .describe('Text whose tokens, repeated or cut to num_virtual_tokens, are the first values (with TEXT).');

// Strict, unlike an adapter's own file: a misspelt key would train something else than was asked for without a word.
const promptTuning = z.strictObject({
  ...promptKeys,
  tokenizer_kwargs: kept,
  tokenizer_name_or_path: kept,
  peft_type: z.literal('PROMPT_TUNING').describe('Trains virtual tokens before the input (Lester et al. 2021).'),
  prompt_tuning_init: z
    .enum(['SAMPLE_VOCAB', 'TEXT', 'RANDOM'])
    .optional()
    .describe(
      'First values: rows of random vocabulary words, the words of prompt_tuning_init_text, or N(0, 1). Default: SAMPLE_VOCAB.',
    ),
  prompt_tuning_init_text: initText,
});

const encodedInitFrom = initFrom.describe(
  'Adapter folder to start from, relative to this file: with prompt_encoder.safetensors in it the network is trained on; without (PEFT does not keep it) the virtual tokens themselves.',
);

const encoderHiddenSize = positiveInteger
  .nullable()
  .optional()
  .describe('Width inside the network that makes the virtual tokens. Default: token_dim.');

const pTuning = z.strictObject({
  ...promptKeys,
  peft_type: z
    .literal('P_TUNING')
    .describe('Trains a small network that makes virtual tokens before the input (Liu et al. 2021).'),
  encoder_reparameterization_type: z
    .enum(['MLP', 'LSTM'])
    .optional()
    .describe('The network: three linear layers, or a bidirectional LSTM and two. Default: MLP.'),
  encoder_hidden_size: encoderHiddenSize,
  encoder_num_layers: positiveInteger.optional().describe('Layers of the LSTM. Default: 2.'),
  init_from: encodedInitFrom,
  encoder_dropout: z.literal(0).optional().describe("PEFT's key; only 0: the network is trained without dropout."),
});

const prefixTuning = z.strictObject({
  ...promptKeys,
  peft_type: z
    .literal('PREFIX_TUNING')
    .describe('Trains keys and values before the input in every layer (Li and Liang 2021).'),
  prefix_projection: z
    .boolean()
    .optional()
    .describe('Whether a network of two linear layers makes the keys and values, and is trained. Default: false.'),
  encoder_hidden_size: encoderHiddenSize,
  init_from: encodedInitFrom,
  init_weights: z
    .literal('zero')
    .nullable()
    .optional()
    .describe("First values: zero, or null for PEFT's own N(0, 1), which trains badly. Default: zero."),
  prompt_tuning_init: z
    .enum(['SAMPLE_VOCAB', 'TEXT'])
    .optional()
    .describe(
      'First values instead: what the model makes of random vocabulary words, or of prompt_tuning_init_text. PEFT has no such key for a prefix; it is not stored.',
    ),
  prompt_tuning_init_text: initText,
});

const modules = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
const layerIndex = z.int().min(0);

/** Keys that say on which linear layers a method acts, and what is trained whole beside them. */
const targetKeys = {
  modules_to_save: z
    .array(z.string().min(1))
    .nullable()
    .optional()
    .describe('Modules that are trained and stored whole, by ends of their names, e.g. lm_head. Default: none.'),
  target_modules: modules
    .nullable()
    .optional()
    .describe(
      "The linear layers it acts on: names or ends of names ([q_proj, v_proj]), a regular expression over the whole name, or all-linear (all but the output head). Default: PEFT's for the model.",
    ),
  exclude_modules: modules
    .nullable()
    .optional()
    .describe('Layers to leave out: names or ends of names, or a regular expression. Default: none.'),
};

const byModule = (value: z.ZodNumber) => z.record(z.string().min(1), value).optional();

const lora = z.strictObject({
  ...peftKeys,
  ...targetKeys,
  peft_type: z
    .literal('LORA')
    .describe('Trains two thin matrices beside each chosen linear layer (Hu et al. 2021); rsLoRA and DoRA too.'),
  r: positiveInteger.optional().describe('Rank: the inner size of the two matrices. Default: 8.'),
  lora_alpha: z
    .number()
    .gt(0)
    .optional()
    .describe('What they give is scaled by lora_alpha / r (with use_rslora by lora_alpha / sqrt(r)). Default: 8.'),
  rank_pattern: byModule(positiveInteger).describe(
    'Other ranks by module name (or an end of it, or a regular expression).',
  ),
  alpha_pattern: byModule(z.number().gt(0)).describe('Other values of lora_alpha, by module name in the same way.'),
  layers_to_transform: z
    .union([layerIndex, z.array(layerIndex)])
    .nullable()
    .optional()
    .describe('Numbers of the layers it acts on, counted from 0. Default: all.'),
  layers_pattern: modules
    .nullable()
    .optional()
    .describe('What stands before the number of a layer in module names, e.g. layers. Default: anything.'),
  bias: z
    .enum(['none', 'lora_only'])
    .optional()
    .describe('Whether the biases of the chosen layers are trained too. Default: none.'),
  use_rslora: z.boolean().optional().describe('Scale by lora_alpha / sqrt(r), which suits high ranks. Default: false.'),
  use_dora: z
    .boolean()
    .optional()
    .describe('Also train the length of each row of the changed weight (Liu et al. 2024); slower. Default: false.'),
  init_lora_weights: z
    .union([z.boolean(), z.literal('gaussian')])
    .optional()
    .describe('First values: true and gaussian begin as the base model, false at random (for tests). Default: true.'),
  lora_dropout: z.literal(0).optional().describe("PEFT's key; only 0: training goes without dropout."),
  fan_in_fan_out: kept,
  init_from: initFrom,
});

const ia3 = z.strictObject({
  ...peftKeys,
  ...targetKeys,
  peft_type: z
    .literal('IA3')
    .describe('Trains one factor for each output, or input, of the chosen linear layers (Liu et al. 2022).'),
  feedforward_modules: z
    .union([z.string().min(1), z.array(z.string().min(1))])
    .nullable()
    .optional()
    .describe(
      "Those of target_modules whose inputs are scaled instead of their outputs. Default: PEFT's for the model.",
    ),
  init_ia3_weights: z
    .boolean()
    .optional()
    .describe('First values: true begins as the base model, false at random (for tests). Default: true.'),
  fan_in_fan_out: kept,
  init_from: initFrom,
});

const full = z.strictObject({
  ...peftKeys,
  peft_type: z.literal('FULL').describe('Trains every weight of the model.'),
  init_from: initFrom,
});

/** Method names that are known but have no keys of their own here yet; the engine says whether it can train them. */
const otherMethods = [
  'ADALORA',
  'VERA',
  'LN_TUNING',
  'LOHA',
  'LOKR',
  'OFT',
  'BOFT',
  'MULTITASK_PROMPT_TUNING',
  'CPT',
  'ADAPTION_PROMPT',
  'FOURIERFT',
  'VBLORA',
  'XLORA',
  'POLY',
  'HRA',
  'MISS',
  'RANDLORA',
  'ROAD',
  'SHIRA',
  'C3A',
  'TRAINABLE_TOKENS',
  'BOTTLENECK',
] as const;

const otherMethod = z.looseObject({
  peft_type: z.enum(otherMethods).describe("PEFT's name of the method, or BOTTLENECK."),
  init_from: initFrom,
});

/** What is trained: one of the sections, by `peft_type`. */
export const method = z
  .discriminatedUnion('peft_type', [promptTuning, pTuning, prefixTuning, lora, ia3, full, otherMethod])
  .describe("What is trained, in PEFT's own keys (those of adapter_config.json).");

/** The method with its defaults; an adapter that training starts from has its own values. */
export function completeMethod(section: z.output<typeof method>) {
  if (section.init_from !== undefined) return section;
  switch (section.peft_type) {
    case 'PROMPT_TUNING':
      return {
        ...section,
        num_virtual_tokens: section.num_virtual_tokens ?? 20,
        prompt_tuning_init: section.prompt_tuning_init ?? 'SAMPLE_VOCAB',
      };
    case 'P_TUNING':
      return { ...section, num_virtual_tokens: section.num_virtual_tokens ?? 20 };
    case 'PREFIX_TUNING': {
      const begun = section.prefix_projection === true || section.prompt_tuning_init !== undefined;
      const { num_virtual_tokens = 20, init_weights = begun ? null : 'zero' } = section;
      return { ...section, num_virtual_tokens, init_weights };
    }
    default:
      return section;
  }
}

/** The learning rate where none is given: a prompt's own numbers take large steps, a network's small ones. */
export function defaultLearningRate(section: z.output<typeof method>): number {
  switch (section.peft_type) {
    case 'PROMPT_TUNING':
      return 0.3;
    case 'P_TUNING':
      return 1e-3;
    case 'PREFIX_TUNING':
      return section.prefix_projection === true ? 1e-3 : 1e-2;
    default:
      return 5e-5;
  }
}
