import { z } from 'zod';
import { initFrom, peftKeys } from './sharedKeys.ts';

/** FULL. */
export const full = z.strictObject({
  ...peftKeys,
  peft_type: z.literal('FULL').describe('Trains every weight of the model.'),
  init_from: initFrom,
});
