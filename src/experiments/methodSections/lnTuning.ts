import { z } from 'zod';
import { initFrom, peftKeys, targetKeys } from './sharedKeys.ts';

/** LN_TUNING. */
export const lnTuning = z.strictObject({
  ...peftKeys,
  ...targetKeys,
  target_modules: targetKeys.target_modules.describe(
    "The norms it trains: names or ends of names ([input_layernorm, norm]), or a regular expression over the whole name. Default: PEFT's for the model.",
  ),
  peft_type: z.literal('LN_TUNING').describe("Trains the model's norms alone (Zhao et al. 2023); very few parameters."),
  init_from: initFrom,
});
