import type { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import type { Model } from '../models/model.ts';

/** What a virtual token is made of, and how PEFT counts that. */
export interface PromptRows {
  /** `num_attention_heads` */
  readonly heads: number;
  /** `token_dim` */
  readonly width: number;
  /** What has that width, in words. */
  readonly what: string;
}

/**
 * What all prompt methods of PEFT share: the number of virtual tokens, and the keys of adapter_config.json.
 * @throws SoftpromptError config-key
 */
export function promptConfig(
  options: ModelConfig,
  model: Model,
  rows: PromptRows,
): { count: number; config: JsonObject } {
  const { layers, maxPositions } = model.architecture.sizes;
  const count = options.integer('num_virtual_tokens', 20);
  if (count < 1 || count >= maxPositions) {
    throw options.invalid('num_virtual_tokens', `is ${count}; the model has ${maxPositions} positions in all`);
  }
  const width = options.integer('token_dim', rows.width);
  if (width !== rows.width)
    throw options.invalid('token_dim', `is ${width}; the model's ${rows.what} have ${rows.width}`);
  const config = {
    auto_mapping: null,
    base_model_name_or_path: model.dir,
    inference_mode: true,
    modules_to_save: null,
    num_attention_heads: rows.heads,
    num_layers: layers,
    num_transformer_submodules: 1,
    num_virtual_tokens: count,
    revision: null,
    task_type: 'CAUSAL_LM',
    token_dim: rows.width,
  };
  return { count, config };
}
