import type { ModelConfig } from '../checkpoint/config.ts';
import type { JsonObject } from '../checkpoint/json.ts';
import type { Model } from '../models/model.ts';
import { peftTaskTypes } from '../models/task.ts';
import { promptEmbeddings } from './promptEncoder.ts';
import { savedModules, type TrainedWeight } from './savedModules.ts';

/** What a virtual token is made of, and how PEFT counts that. */
export interface PromptRows {
  /** `num_attention_heads` */
  readonly heads: number;
  /** `token_dim` */
  readonly width: number;
  /** What has that width, in words. */
  readonly what: string;
}

/** What a prompt's configuration says. */
export interface PromptForm {
  readonly count: number;
  /** How often PEFT's table holds so many rows: twice for an encoder and a decoder, though only the first are ever read. */
  readonly copies: number;
  /** The tensor of the virtual tokens. */
  readonly table: string;
  /** A classification's head, which is trained too. */
  readonly saved: readonly TrainedWeight[];
  /** The keys of adapter_config.json that do not depend on the training. */
  readonly config: JsonObject;
}

/**
 * What all prompt methods of PEFT share: the number of virtual tokens, and the keys of adapter_config.json.
 * @throws SoftpromptError config-key
 */
export function promptConfig(options: ModelConfig, model: Model, rows: PromptRows): PromptForm {
  const { layers, maxPositions } = model.architecture.sizes;
  const count = options.integer('num_virtual_tokens', 20);
  if (count < 1 || count >= maxPositions) {
    throw options.invalid('num_virtual_tokens', `is ${count}; the model has ${maxPositions} positions in all`);
  }
  const width = options.integer('token_dim', rows.width);
  if (width !== rows.width)
    throw options.invalid('token_dim', `is ${width}; the model's ${rows.what} have ${rows.width}`);
  const copies = options.integer('num_transformer_submodules', model.architecture.kind === 'encoder_decoder' ? 2 : 1);
  if (copies !== 1 && copies !== 2)
    throw options.invalid('num_transformer_submodules', `is ${copies}; known are 1 and 2`);
  // PEFT gives its prompt models one level less than its others.
  const saved = savedModules(options, model, 'base_model.');
  const config = {
    auto_mapping: null,
    base_model_name_or_path: model.dir,
    inference_mode: true,
    modules_to_save: saved.length === 0 ? null : (model.classifier?.modules ?? null),
    num_attention_heads: rows.heads,
    num_layers: layers,
    num_transformer_submodules: copies,
    num_virtual_tokens: count,
    revision: null,
    task_type: peftTaskTypes[model.task],
    token_dim: rows.width,
  };
  return { count, copies, table: promptEmbeddings, saved, config };
}
