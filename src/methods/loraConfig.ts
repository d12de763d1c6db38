import type { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject, JsonValue } from '../checkpoint/json.ts';

/** PEFT's `target_modules` where a LORA configuration gives none, by transformers' `model_type`. */
export const loraTargets: Readonly<Record<string, readonly string[]>> = {
  bert: ['query', 'value'],
  gemma: ['q_proj', 'v_proj'],
  gemma2: ['q_proj', 'v_proj'],
  gemma3_text: ['q_proj', 'v_proj'],
  gpt2: ['c_attn'],
  gpt_neox: ['query_key_value'],
  llama: ['q_proj', 'v_proj'],
  mistral: ['q_proj', 'v_proj'],
  opt: ['q_proj', 'v_proj'],
  phi: ['q_proj', 'v_proj', 'fc1', 'fc2'],
  qwen2: ['q_proj', 'v_proj'],
  qwen3: ['q_proj', 'v_proj'],
  roberta: ['query', 'value'],
  t5: ['q', 'v'],
};

/** adapter_config.json as PEFT 0.21 writes it, with PEFT's defaults. */
export const loraDefaults: JsonObject = {
  alora_invocation_tokens: null,
  alpha_pattern: {},
  arrow_config: null,
  auto_mapping: null,
  bias: 'none',
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  exclude_modules: null,
  inference_mode: true,
  init_lora_weights: true,
  kasa_config: null,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_alpha: 8,
  lora_bias: false,
  lora_dropout: 0,
  lora_ga_config: null,
  megatron_config: null,
  megatron_core: 'megatron.core',
  modules_to_save: null,
  monteclora_config: null,
  peft_type: 'LORA',
  qalora_group_size: 16,
  r: 8,
  rank_pattern: {},
  revision: null,
  target_parameters: null,
  task_type: 'CAUSAL_LM',
  trainable_token_indices: null,
  use_bdlora: null,
  use_dora: false,
  use_qalora: false,
  use_rslora: false,
  velora_config: null,
};

/** Keys that change what an adapter computes, in ways that are not supported. */
const unsupported = [
  'alora_invocation_tokens',
  'arrow_config',
  'kasa_config',
  'layer_replication',
  'monteclora_config',
  'target_parameters',
  'trainable_token_indices',
  'use_bdlora',
  'use_qalora',
  'velora_config',
] as const;

/** Refuses what would otherwise be left out without a word. @throws SoftpromptError config-key */
export function refuseUnsupported(options: ModelConfig): void {
  for (const key of unsupported) {
    if (isGiven(options.raw(key))) throw options.invalid(key, 'is not supported yet');
  }
}

function isGiven(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === false) return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}
