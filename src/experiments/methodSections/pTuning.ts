import { z } from 'zod';
import { encodedInitFrom, encoderHiddenSize, placement, promptKeys } from './promptKeys.ts';
import { positiveInteger } from './sharedKeys.ts';

/** P_TUNING. */
export const pTuning = z.strictObject({
  ...promptKeys,
  placement,
  peft_type: z
    .literal('P_TUNING')
    .describe('Trains a small network that makes virtual tokens before the input (Liu et al. 2021).'),
  encoder_reparameterization_type: z
    .enum(['MLP', 'LSTM'])
    .optional()
    .describe('The network: three linear layers, or a bidirectional LSTM and two. Default: MLP.'),
  encoder_hidden_size: encoderHiddenSize,
  encoder_num_layers: positiveInteger.optional().describe('Layers of the LSTM. Default: 2.'),
  init_from: encodedInitFrom,
  encoder_dropout: z.literal(0).optional().describe("PEFT's key; only 0: the network is trained without dropout."),
});
