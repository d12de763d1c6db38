import { z } from 'zod';
import { initText, placement, promptKeys } from './promptKeys.ts';
import { kept } from './sharedKeys.ts';

/** PROMPT_TUNING. */
export const promptTuning = z.strictObject({
  ...promptKeys,
  placement,
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
