import { z } from 'zod';
import { encodedInitFrom, encoderHiddenSize, initText, promptKeys } from './promptKeys.ts';

/** PREFIX_TUNING. */
export const prefixTuning = z.strictObject({
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
