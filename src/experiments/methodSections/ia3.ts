import { z } from 'zod';
import { initFrom, kept, peftKeys, targetKeys } from './sharedKeys.ts';

/** IA3. */
export const ia3 = z.strictObject({
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
