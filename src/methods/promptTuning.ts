import { ModelConfig } from '../checkpoint/config.ts';
import { readTokenEmbeddings } from '../models/tokenEmbedding.ts';
import type { InitContext, Method, MethodFactory, TrainedTensors } from './method.ts';

/** The one tensor, `[num_virtual_tokens, width]` (of a token's embedding), under PEFT's name. */
const tensorName = 'prompt_embeddings';

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
  const { heads, layers, maxPositions } = model.decoder.sizes;
  const { width } = model.decoder.tokenEmbedding;
  const count = options.integer('num_virtual_tokens', 20);
  if (count < 1 || count >= maxPositions) {
    throw options.invalid('num_virtual_tokens', `is ${count}; the model has ${maxPositions} positions in all`);
  }
  const given = options.integer('token_dim', width);
  if (given !== width) throw options.invalid('token_dim', `is ${given}; the model's embeddings have ${width}`);
  const init = options.string('prompt_tuning_init', 'SAMPLE_VOCAB');
  if (!Object.hasOwn(inits, init)) {
    throw options.invalid('prompt_tuning_init', `is "${init}"; known are ${Object.keys(inits).join(', ')}`);
  }
  return {
    peftType: 'PROMPT_TUNING',
    structure: 'PROMPT_TUNING',
    virtualTokens: count,
    virtualHidden: true,
    virtualOnly: true,
    trainables: [{ name: tensorName, dims: [count, width], graphDims: ['virtual', width] }],
    hooks: (trained) => ({ virtualTokens: () => trained.get(tensorName)! }),
    config: {
      auto_mapping: null,
      base_model_name_or_path: model.dir,
      inference_mode: true,
      modules_to_save: null,
      num_attention_heads: heads,
      num_layers: layers,
      num_transformer_submodules: 1,
      num_virtual_tokens: count,
      peft_type: 'PROMPT_TUNING',
      prompt_tuning_init: init,
      prompt_tuning_init_text: null,
      revision: null,
      task_type: 'CAUSAL_LM',
      token_dim: width,
      tokenizer_kwargs: null,
      // With TEXT, PEFT refuses a config that names no tokenizer.
      tokenizer_name_or_path: init === 'TEXT' ? model.dir : null,
      ...config,
    },
    initialise: async (context): Promise<TrainedTensors> =>
      new Map([[tensorName, await inits[init as keyof typeof inits](context, count, options)]]),
  };
};
