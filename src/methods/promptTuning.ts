import { ModelConfig } from '../checkpoint/config.ts';
import { readTokenEmbeddings } from '../models/tokenEmbedding.ts';
import type { InitContext, Method, MethodFactory, TrainedTensors } from './method.ts';
import { promptEmbeddings } from './promptEncoder.ts';
import { softPrompt } from './softPrompt.ts';

/** How the virtual tokens begin; PEFT's names. */
const inits = {
  /** The embeddings of tokens drawn at random. */
  SAMPLE_VOCAB: async ({ model, random }, count) => {
    const ids = Array.from({ length: count }, () => random.integer(model.decoder.sizes.vocabulary));
    return readTokenEmbeddings(model, ids);
  },
  /** The embeddings of a text, repeated or cut to the length. */
  TEXT: async ({ model, encode }, count, options) => {
    const text = options.optionalString('prompt_tuning_init_text') ?? '';
    if (encode === null) throw options.invalid('prompt_tuning_init', 'is TEXT, but the model has no tokenizer.json');
    const ids = encode(text);
    if (ids.length === 0) throw options.invalid('prompt_tuning_init_text', 'is empty; TEXT needs a text');
    return readTokenEmbeddings(
      model,
      Array.from({ length: count }, (_, i) => ids[i % ids.length]!),
    );
  },
  /** Standard normal numbers, as PEFT draws them: far outside the scale of most embedding tables. */
  RANDOM: async ({ model, random }, count) =>
    Float32Array.from({ length: count * model.decoder.tokenEmbedding.width }, () => random.normal()),
} satisfies Record<string, PromptInit>;

type PromptInit = (context: InitContext, count: number, options: ModelConfig) => Promise<Float32Array>;

/** Soft prompts: trained vectors before the token embeddings, Lester et al., https://arxiv.org/abs/2104.08691. */
export const promptTuning: MethodFactory = (config, model, source): Method => {
  const options = new ModelConfig(source, config);
  const prompt = softPrompt(options, model);
  const init = options.string('prompt_tuning_init', 'SAMPLE_VOCAB');
  if (!Object.hasOwn(inits, init)) {
    throw options.invalid('prompt_tuning_init', `is "${init}"; known are ${Object.keys(inits).join(', ')}`);
  }
  return {
    peftType: 'PROMPT_TUNING',
    ...prompt.shape,
    config: {
      ...prompt.config,
      peft_type: 'PROMPT_TUNING',
      prompt_tuning_init: init,
      prompt_tuning_init_text: null,
      tokenizer_kwargs: null,
      // With TEXT, PEFT refuses a config that names no tokenizer.
      tokenizer_name_or_path: init === 'TEXT' ? model.dir : null,
      ...config,
    },
    initialise: async (context): Promise<TrainedTensors> =>
      new Map([[promptEmbeddings, await inits[init as keyof typeof inits](context, prompt.count, options)]]),
  };
};
