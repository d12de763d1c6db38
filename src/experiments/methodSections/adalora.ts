import { z } from 'zod';
import { initFrom, kept, layerKeys, peftKeys, positiveInteger, targetKeys } from './sharedKeys.ts';

const share = z.number().gt(0).lt(1);

/** ADALORA. */
export const adalora = z.strictObject({
  ...peftKeys,
  ...targetKeys,
  ...layerKeys,
  peft_type: z
    .literal('ADALORA')
    .describe(
      'Trains LORA with more ranks than are kept, and spends them on the layers where they matter most (AdaLoRA; Zhang et al. 2023).',
    ),
  init_r: positiveInteger.optional().describe('Rank of each layer at first. Default: 12.'),
  target_r: positiveInteger.optional().describe('Rank at the end, on average over the layers. Default: 8.'),
  lora_alpha: z.number().gt(0).optional().describe('What is added is scaled by lora_alpha / init_r. Default: 8.'),
  tinit: z.int().min(0).optional().describe('Steps before the first pruning. Default: 0.'),
  tfinal: z.int().min(0).optional().describe('Last steps, in which nothing is pruned any more. Default: 0.'),
  deltaT: positiveInteger.optional().describe('Steps from one pruning to the next. Default: 1.'),
  total_step: positiveInteger
    .optional()
    .describe("Steps that the pruning is planned for, with tinit and tfinal. Default: the run's."),
  beta1: share
    .optional()
    .describe('Share of the old value in the average of how sensitive a number is. Default: 0.85.'),
  beta2: share.optional().describe('The same for the average of how uncertain that is. Default: 0.85.'),
  orth_reg_weight: z
    .number()
    .gt(0)
    .optional()
    .describe('Weight in the loss of how far the matrices are from orthogonal. Default: 0.5.'),
  bias: z
    .enum(['none', 'lora_only', 'all'])
    .optional()
    .describe("Whether the model's own biases are trained too: of the chosen layers, or all. Default: none."),
  init_lora_weights: z
    .boolean()
    .optional()
    .describe('First values: true begins as the base model, false at random (for tests). Default: true.'),
  lora_dropout: z.literal(0).optional().describe("PEFT's key; only 0: training goes without dropout."),
  fan_in_fan_out: kept,
  init_from: initFrom,
});
