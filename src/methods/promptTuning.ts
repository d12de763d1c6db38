import { ModelConfig } from '../checkpoint/config.ts';
import { readTokenEmbeddings } from '../models/tokenEmbedding.ts';
import type { InitContext, Method, MethodFactory, TrainedTensors } from './method.ts';
import { firstValues } from './savedModules.ts';
import { softPrompt } from './softPrompt.ts';
import { type TokenInit, tokenInits } from './tokenInits.ts';

/** How the virtual tokens begin; PEFT's names. */
const inits = {
  SAMPLE_VOCAB: embeddingsOf(tokenInits.SAMPLE_VOCAB),
  TEXT: embeddingsOf(tokenInits.TEXT),
  /** Standard normal numbers, as PEFT draws them: far outside the scale of most embedding tables. */
  RANDOM: async ({ model, random }, count) =>
    Float32Array.from({ length: count * model.architecture.tokenEmbedding.width }, () => random.normal()),
} satisfies Record<string, PromptInit>;

type PromptInit = (context: InitContext, count: number, options: ModelConfig) => Promise<Float32Array>;

/** The embeddings of tokens. */
function embeddingsOf(tokens: TokenInit): PromptInit {
  return async (context, count, options) => readTokenEmbeddings(context.model, tokens(context, count, options));
}

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
    wholeWeights: prompt.saved,
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
      new Map([
        [prompt.table, await inits[init as keyof typeof inits](context, prompt.count * prompt.copies, options)],
        ...(await firstValues(prompt.saved, context)),
      ]),
  };
};
