/** Optimisers by the names that `optim` gives them. */
export type OptimizerName = 'adamw' | 'lora_fa' | 'adafactor';

/** Hyper-parameters of a run, in the names of transformers' TrainingArguments; see schemas/tune.schema.json for words. */
export interface TrainingOptions {
  readonly num_train_epochs: number;
  readonly max_steps?: number | undefined;
  /** Rows in a batch. */
  readonly per_device_train_batch_size: number;
  readonly gradient_accumulation_steps: number;
  readonly learning_rate: number;
  readonly lr_scheduler_type: 'linear' | 'cosine' | 'constant';
  readonly warmup_steps?: number | undefined;
  /** Share of all steps. */
  readonly warmup_ratio?: number | undefined;
  readonly weight_decay: number;
  /** 0: no clipping. */
  readonly max_grad_norm: number;
  readonly optim: OptimizerName;
  /** Learning rate of LORA's B over that of A; all are alike where it is missing. */
  readonly loraplus_lr_ratio?: number | undefined;
  /** With that ratio, the learning rate of LORA's factors beside embedding tables. */
  readonly loraplus_lr_embedding?: number | undefined;
  readonly adam_beta1: number;
  readonly adam_beta2: number;
  readonly adam_epsilon: number;
  /** Steps between two validations. */
  readonly eval_steps: number;
  /** Steps between two checkpoints. */
  readonly save_steps?: number | undefined;
  /** Validations without a new best loss after which the run stops. */
  readonly early_stopping_patience?: number | undefined;
  readonly shuffle: boolean;
  /** Weight of the loss of what is to be avoided, where there is something. */
  readonly unlikelihood?: { readonly alpha: number } | undefined;
  readonly seed: number;
}

/** Optimiser steps in one pass over the rows. */
export function stepsPerEpoch(options: TrainingOptions, rows: number): number {
  const batches = Math.ceil(rows / options.per_device_train_batch_size);
  return Math.ceil(batches / options.gradient_accumulation_steps);
}

/** Optimiser steps of the whole run. */
export function totalSteps(options: TrainingOptions, rows: number): number {
  return options.max_steps ?? Math.ceil(options.num_train_epochs * stepsPerEpoch(options, rows));
}
