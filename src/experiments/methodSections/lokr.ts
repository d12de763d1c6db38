import { z } from 'zod';
import { initFrom, lycorisKeys, targetKeys } from './sharedKeys.ts';

/** LOKR. */
export const lokr = z.strictObject({
  ...lycorisKeys,
  ...targetKeys,
  peft_type: z
    .literal('LOKR')
    .describe(
      'Trains two small matrices beside each chosen linear layer, whose Kronecker product is added to its weight (LoKr; Yeh et al. 2023).',
    ),
  decompose_both: z
    .boolean()
    .optional()
    .describe('Whether the first matrix may be a product of two thin ones too, as the second is. Default: false.'),
  decompose_factor: z
    .union([z.literal(-1), z.int().min(1)])
    .optional()
    .describe('Size of the first matrix; -1 makes both alike. Default: -1.'),
  init_weights: z
    .union([z.boolean(), z.literal('lycoris')])
    .optional()
    .describe(
      'First values: true and lycoris begin as the base model (with the first or the second matrix 0), false at random (for tests). Default: true.',
    ),
  rank_dropout_scale: z.literal(false).optional().describe("PEFT's key; only false: training goes without dropout."),
  init_from: initFrom,
});
