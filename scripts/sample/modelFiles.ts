import { documents, endOfText } from './mixture.ts';
import { modelCard } from './modelCard.ts';
import { type BytePairs, tokenizerJson, trainBytePairs } from './tokenizer.ts';

/** Fills the end of shorter rows of a batch. */
export const pad = '<|pad|>';
const special = [pad, endOfText];

/** Shape of the base: a small Llama with 2.8 million parameters, 5.5 MB in half precision. */
export const modelConfig = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  dtype: 'float16',
  vocab_size: 2048,
  hidden_size: 192,
  intermediate_size: 512,
  num_hidden_layers: 6,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 32,
  hidden_act: 'silu',
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_parameters: { rope_type: 'default', rope_theta: 10000 },
  attention_bias: false,
  attention_dropout: 0,
  mlp_bias: false,
  initializer_range: 0.02,
  tie_word_embeddings: true,
  use_cache: true,
  bos_token_id: null,
  eos_token_id: special.indexOf(endOfText),
  pad_token_id: special.indexOf(pad),
} as const;

const tokenizerSeed = 1;
const tokenizerDocuments = 12_000;

/** The texts the tokenizer learns from: the first documents of a seed of its own, without the end. */
export function tokenizerTexts(): string[] {
  const rows = documents(tokenizerSeed);
  return Array.from({ length: tokenizerDocuments }, () => {
    const { prompt, answer } = rows.next().value;
    return prompt + answer;
  });
}

/** The base's tokenizer, trained anew. */
export function sampleTokenizer(): BytePairs {
  return trainBytePairs(tokenizerTexts(), modelConfig.vocab_size, special);
}

/** Content of tokenizer_config.json. */
export const tokenizerConfig = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  add_bos_token: false,
  add_prefix_space: false,
  clean_up_tokenization_spaces: false,
  eos_token: endOfText,
  pad_token: pad,
  padding_side: 'right',
  model_max_length: modelConfig.max_position_embeddings,
} as const;

/** The Hugging Face files of the base besides model.safetensors, by name. */
export function modelFiles(): ReadonlyMap<string, string> {
  const { eos_token_id, pad_token_id } = modelConfig;
  const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
  return new Map([
    ['config.json', json(modelConfig)],
    ['generation_config.json', json({ eos_token_id, pad_token_id })],
    ['tokenizer.json', `${JSON.stringify(tokenizerJson(sampleTokenizer()))}\n`],
    ['tokenizer_config.json', json(tokenizerConfig)],
    ['README.md', modelCard()],
    ['special_tokens_map.json', json({ eos_token: endOfText, pad_token: pad })],
  ]);
}
