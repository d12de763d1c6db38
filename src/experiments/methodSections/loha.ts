import { z } from 'zod';
import { initFrom, lycorisKeys, targetKeys } from './sharedKeys.ts';

/** LOHA. */
export const loha = z.strictObject({
  ...lycorisKeys,
  ...targetKeys,
  peft_type: z
    .literal('LOHA')
    .describe(
      'Trains two pairs of thin matrices beside each chosen linear layer, whose products are multiplied element by element (LoHa; Yeh et al. 2023).',
    ),
  init_weights: z
    .boolean()
    .optional()
    .describe('First values: true begins as the base model, false at random (for tests). Default: true.'),
  init_from: initFrom,
});
