import { z } from 'zod';
import { bottleneckPresets } from '../../methods/bottleneckPresets.ts';
import { initFrom } from './sharedKeys.ts';

const presets = Object.keys(bottleneckPresets) as [string, ...string[]];

/** A switch of AdapterHub's. */
const flag = (meaning: string) => z.boolean().optional().describe(`${meaning} Default: the preset's.`);
/** A key of AdapterHub's that is without meaning where its part is not built. */
const kept = z
  .unknown()
  .optional()
  .describe("AdapterHub's own key: kept in adapter_config.json, where it changes nothing.");
const factor = z.number().positive();

/** BOTTLENECK, in the keys of AdapterHub's `BnConfig`. */
export const bottleneck = z.strictObject({
  peft_type: z
    .literal('BOTTLENECK')
    .describe("Trains narrow networks at the ends of sub-blocks (Houlsby et al. 2019), stored in AdapterHub's form."),
  config: z
    .union([z.enum(presets), z.looseObject({})])
    .optional()
    .describe(
      "AdapterHub's name of a configuration: seq_bn (pfeiffer), double_seq_bn (houlsby), par_bn (parallel) ...; or all of its keys, as in adapter_config.json. Default: seq_bn.",
    ),
  name: z
    .string()
    .min(1)
    .optional()
    .describe("AdapterHub's name of the adapter, a part of its tensors' names. Default: default."),
  reduction_factor: z
    .union([factor, z.record(z.string(), factor)])
    .optional()
    .describe("The layers' width over the adapter's; or by layer, e.g. {'1': 8, default: 16}. Default: the preset's."),
  non_linearity: z
    .string()
    .min(1)
    .optional()
    .describe("Between the two matrices: relu, gelu, swish ... Default: the preset's."),
  mh_adapter: flag('Whether one stands after attention.'),
  output_adapter: flag('Whether one stands after the MLP.'),
  is_parallel: flag('Whether it reads the input of the sub-block instead of its output.'),
  original_ln_before: flag('Whether the residual sum, and the norm of a model that has one there, come before it.'),
  original_ln_after: flag('Whether they come after it.'),
  residual_before_ln: z
    .union([z.boolean(), z.literal('post_add')])
    .optional()
    .describe(
      "With original_ln_before, where its residual path begins: before both, after both (false) or between. Default: the preset's.",
    ),
  ln_before: flag('Whether a norm of its own comes first.'),
  ln_after: flag('Whether a norm of its own comes last.'),
  adapter_residual_before_ln: flag('With ln_after, whether its residual path ends before that norm.'),
  scaling: z
    .union([z.number(), z.enum(['learned', 'channel'])])
    .optional()
    .describe(
      "Factor on what it adds: a number, learned, or channel (learned for each feature). Default: the preset's.",
    ),
  init_weights: z
    .enum(['bert', 'mam_adapter', 'houlsby'])
    .optional()
    .describe(
      "First values: bert (normal, 0.02), mam_adapter (begins as the base model), houlsby (normal, 0.01, cut). Default: the preset's.",
    ),
  leave_out: z.array(z.int().min(0)).optional().describe('Layers without one, counted from 0. Default: none.'),
  cross_adapter: z.literal(false).optional().describe("AdapterHub's key; only false."),
  use_gating: z.literal(false).optional().describe("AdapterHub's key; only false."),
  dropout: z.literal(0).optional().describe("AdapterHub's key; only 0: training goes without dropout."),
  inv_adapter: z.null().optional().describe("AdapterHub's key; only null."),
  inv_adapter_reduction_factor: kept,
  phm_layer: z.literal(false).optional().describe("AdapterHub's key; only false."),
  factorized_phm_W: kept,
  factorized_phm_rule: kept,
  hypercomplex_nonlinearity: kept,
  learn_phm: kept,
  phm_bias: kept,
  phm_c_init: kept,
  phm_dim: kept,
  phm_init_range: kept,
  phm_rank: kept,
  shared_W_phm: kept,
  shared_phm_rule: kept,
  init_from: initFrom,
});
