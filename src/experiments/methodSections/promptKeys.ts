import { z } from 'zod';
import { initFrom, kept, peftKeys, positiveInteger } from './sharedKeys.ts';

/** Keys of every PEFT prompt method: what PEFT counts in the model, and the number of virtual tokens. */
export const promptKeys = {
  ...peftKeys,
  num_attention_heads: kept,
  num_layers: kept,
  num_transformer_submodules: kept,
  token_dim: kept,
  num_virtual_tokens: positiveInteger
    .optional()
    .describe('Number of trained virtual tokens. Default: 20, or as many as the adapter of init_from has.'),
  init_from: initFrom,
};

/** Where a soft prompt stands. */
export const placement = z
  .enum(['prefix', 'suffix'])
  .optional()
  .describe(
    'Where the virtual tokens stand: before the input, or (suffix, causal_lm only) after it, before the target. PEFT has no suffix, so such an adapter cannot be exported to it. Default: prefix.',
  );

/** `prompt_tuning_init_text`. */
export const initText = z
  .string()
  .nullable()
  .optional()
  .describe('Text whose tokens, repeated or cut to num_virtual_tokens, are the first values (with TEXT).');

/** `init_from` of a prompt that a network makes. */
export const encodedInitFrom = initFrom.describe(
  'Adapter folder to start from, relative to this file: with prompt_encoder.safetensors in it the network is trained on; without (PEFT does not keep it) the virtual tokens themselves.',
);

/** `encoder_hidden_size`. */
export const encoderHiddenSize = positiveInteger
  .nullable()
  .optional()
  .describe('Width inside the network that makes the virtual tokens. Default: token_dim.');
