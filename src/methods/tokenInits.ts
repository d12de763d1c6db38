import type { ModelConfig } from '../checkpoint/config.ts';
import type { InitContext } from './method.ts';

/** Chooses the tokens that a prompt of so many virtual tokens begins from. @throws SoftpromptError config-key */
export type TokenInit = (context: InitContext, count: number, options: ModelConfig) => readonly number[];

/** The tokens from which a prompt can begin; PEFT's names. */
export const tokenInits = {
  /** Drawn at random. */
  SAMPLE_VOCAB: ({ model, random }, count) =>
    Array.from({ length: count }, () => random.integer(model.architecture.sizes.vocabulary)),
  /** Those of a text, repeated or cut to the length. */
  TEXT: ({ encode }, count, options) => {
    const text = options.optionalString('prompt_tuning_init_text') ?? '';
    if (encode === null) throw options.invalid('prompt_tuning_init', 'is TEXT, but the model has no tokenizer.json');
    const ids = encode(text);
    if (ids.length === 0) throw options.invalid('prompt_tuning_init_text', 'is empty; TEXT needs a text');
    return Array.from({ length: count }, (_, i) => ids[i % ids.length]!);
  },
} satisfies Record<string, TokenInit>;
