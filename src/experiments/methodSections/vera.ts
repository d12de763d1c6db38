import { z } from 'zod';
import { initFrom, kept, layerKeys, peftKeys, positiveInteger, targetKeys } from './sharedKeys.ts';

/** PEFT's VERA does not know exclude_modules, and would act on more layers than were trained. */
const { exclude_modules: _, ...targets } = targetKeys;

/** VERA. */
export const vera = z.strictObject({
  ...peftKeys,
  ...targets,
  ...layerKeys,
  peft_type: z
    .literal('VERA')
    .describe(
      'Trains two vectors for each chosen linear layer, between two random matrices that all share (Kopiczko et al. 2023); far smaller than LORA.',
    ),
  r: positiveInteger.optional().describe('Rank: the inner size of the two random matrices. Default: 256.'),
  d_initial: z.number().optional().describe('First value of the inner vectors. Default: 0.1.'),
  projection_prng_key: z
    .int()
    .min(0)
    .optional()
    .describe('Seed of the random matrices, as torch draws them. Default: 0.'),
  save_projection: z
    .boolean()
    .optional()
    .describe(
      'Whether the random matrices are stored too; otherwise the reader draws them again by the seed. Default: true.',
    ),
  init_weights: z
    .boolean()
    .optional()
    .describe('First values: true begins as the base model, false at random (for tests). Default: true.'),
  bias: z.literal('none').optional().describe("PEFT's key; only none: PEFT does not store biases with this method."),
  vera_dropout: z.literal(0).optional().describe("PEFT's key; only 0: training goes without dropout."),
  fan_in_fan_out: kept,
  init_from: initFrom,
});
