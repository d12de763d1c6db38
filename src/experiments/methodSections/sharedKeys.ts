import { z } from 'zod';

const path = z.string().min(1);
/** A whole number from 1. */
export const positiveInteger = z.int().min(1);

/** `init_from`, which every method has. */
export const initFrom = path
  .optional()
  .describe("Adapter folder to start from (PEFT's, or AdapterHub's for BOTTLENECK), relative to this file.");

/** A key of PEFT's that has no meaning here. */
export const kept = z
  .unknown()
  .optional()
  .describe("PEFT's own key: kept in adapter_config.json; filled in from the model when absent.");

/** Keys of every PEFT configuration that have no meaning here. */
export const peftKeys = {
  auto_mapping: kept,
  base_model_name_or_path: kept,
  inference_mode: kept,
  modules_to_save: kept,
  peft_version: kept,
  revision: kept,
  task_type: kept,
};

/** Names of modules, or a regular expression over them. */
export const modules = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
/** Keys that say on which linear layers a method acts, and what is trained whole beside them. */
export const targetKeys = {
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

const layerIndex = z.int().min(0);
/** Keys that keep a method to some of the layers. */
export const layerKeys = {
  layers_to_transform: z
    .union([layerIndex, z.array(layerIndex)])
    .nullable()
    .optional()
    .describe('Numbers of the layers it acts on, counted from 0. Default: all.'),
  layers_pattern: modules
    .nullable()
    .optional()
    .describe('What stands before the number of a layer in module names, e.g. layers. Default: anything.'),
};

/** Values by module name (or an end of it, or a regular expression). */
export const byModule = (value: z.ZodNumber) => z.record(z.string().min(1), value).optional();

/** Keys of LOHA and LOKR. */
export const lycorisKeys = {
  ...peftKeys,
  ...layerKeys,
  r: positiveInteger.optional().describe('Rank: the inner size of the factors. Default: 8.'),
  alpha: z.number().gt(0).optional().describe('What they give is scaled by alpha / r. Default: 8.'),
  rank_pattern: byModule(positiveInteger).describe(
    'Other ranks by module name (or an end of it, or a regular expression).',
  ),
  alpha_pattern: byModule(z.number().gt(0)).describe('Other values of alpha, by module name in the same way.'),
  rank_dropout: z.literal(0).optional().describe("PEFT's key; only 0: training goes without dropout."),
  module_dropout: z.literal(0).optional().describe("PEFT's key; only 0: training goes without dropout."),
  use_effective_conv2d: kept,
};
