import { z } from 'zod';
import { byModule, initFrom, kept, layerKeys, peftKeys, positiveInteger, targetKeys } from './sharedKeys.ts';

/** LORA. */
export const lora = z.strictObject({
  ...peftKeys,
  ...targetKeys,
  ...layerKeys,
  target_modules: targetKeys.target_modules.describe(
    "The linear layers and embedding tables it acts on: names or ends of names ([q_proj, v_proj]), a regular expression over the whole name, or all-linear (all linear layers but the output head). Default: PEFT's for the model.",
  ),
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
  bias: z
    .enum(['none', 'lora_only', 'all'])
    .optional()
    .describe("Whether the model's own biases are trained too: of the chosen layers, or all. Default: none."),
  lora_bias: z.boolean().optional().describe('Whether each path beside a layer has a bias of its own. Default: false.'),
  use_rslora: z.boolean().optional().describe('Scale by lora_alpha / sqrt(r), which suits high ranks. Default: false.'),
  use_dora: z
    .boolean()
    .optional()
    .describe('Also train the length of each row of the changed weight (Liu et al. 2024); slower. Default: false.'),
  init_lora_weights: z
    .union([z.boolean(), z.enum(['gaussian', 'orthogonal', 'pissa']), z.string().regex(/^pissa_niter_\d{1,3}$/)])
    .optional()
    .describe(
      'First values: true, gaussian and orthogonal begin as the base model, false at random (for tests). pissa begins with the largest parts of each weight (Meng et al. 2024) and is stored as LORA of twice the rank; pissa_niter_16 finds them by 16 rounds of approximation, on large models in seconds instead of many minutes. Default: true.',
    ),
  lora_dropout: z.literal(0).optional().describe("PEFT's key; only 0: training goes without dropout."),
  fan_in_fan_out: kept,
  init_from: initFrom,
});
