import { z } from 'zod';
import { checkEvaluation, evaluation } from './evaluationSection.ts';
import { checkMethod, completeMethod, defaultLearningRate, method } from './methodSchema.ts';
import { sweep } from './sweepSection.ts';
import { labels, template } from './templateSection.ts';
import { checkUnlikelihood, unlikelihood } from './unlikelihoodSection.ts';

/**
 * The experiment file, `NAME.tune.yaml`: the one source of its types, defaults, validation and of
 * schemas/tune.schema.json (editor hovers show the descriptions). Keys are the ecosystem's own: PEFT's names under
 * `method`, transformers' TrainingArguments names under `training`. Paths are relative to the file.
 */

const path = z.string().min(1);
const positiveInteger = z.int().min(1);
const fraction = z.number().min(0).max(1);

const data = z.strictObject({
  train: path.describe('Rows to train on: .jsonl, .json, .csv, .tsv, .parquet or .txt, relative to this file.'),
  validation: path
    .optional()
    .describe('Rows for the validation loss, the best checkpoint and early stopping. Or use validation_split.'),
  validation_split: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe(
      'Share of the training rows to hold out for validation instead of a file, e.g. 0.1 (drawn by seed; with labels, of each label alike).',
    ),
  test: path.optional().describe('Rows that only `evaluate` reads. Never tune on them.'),
});

const training = z.strictObject({
  num_train_epochs: z.number().gt(0).default(3).describe('Passes over the training rows. max_steps wins over it.'),
  max_steps: positiveInteger.optional().describe('Optimiser steps to take in all, instead of num_train_epochs.'),
  per_device_train_batch_size: positiveInteger.default(8).describe('Rows in one batch.'),
  gradient_accumulation_steps: positiveInteger.default(1).describe('Batches whose gradients make one optimiser step.'),
  learning_rate: z
    .number()
    .min(0)
    .optional()
    .describe(
      "Highest learning rate. Default: 0.3 for PROMPT_TUNING, 0.01 for PREFIX_TUNING, 0.001 where a network makes the prompt (P_TUNING, prefix_projection) and for LN_TUNING, LOHA, LOKR and ADALORA, 0.004 for VERA, AdapterHub's 0.0001 for BOTTLENECK, otherwise transformers' 5e-5.",
    ),
  lr_scheduler_type: z
    .enum(['linear', 'cosine', 'constant'])
    .default('linear')
    .describe('Learning rate after the warm-up: down to 0 on a line, on a half cosine, or unchanged.'),
  warmup_steps: z.int().min(0).optional().describe('Steps in which the rate rises from 0. Wins over warmup_ratio.'),
  warmup_ratio: fraction.optional().describe('Warm-up as a share of all steps, 0 to 1.'),
  weight_decay: z.number().min(0).default(0).describe('Decoupled decay of every trained tensor, per unit of rate.'),
  max_grad_norm: z.number().min(0).default(1).describe('Gradients are scaled down to this global L2 norm; 0: never.'),
  optim: z
    .enum(['adamw', 'lora_fa', 'adafactor'])
    .default('adamw')
    .describe(
      'Optimiser: AdamW; LoRA-FA, which trains only the B of LORA (Zhang et al. 2023); or Adafactor at the given rate, which keeps the least beside the weights.',
    ),
  loraplus_lr_ratio: z
    .number()
    .gt(0)
    .optional()
    .describe("LoRA+: learning rate of LORA's B over that of A, e.g. 16 (Hayou et al. 2024). Default: one rate."),
  loraplus_lr_embedding: z
    .number()
    .min(0)
    .optional()
    .describe("With loraplus_lr_ratio: learning rate of LORA's matrices beside embedding tables. Default: 1e-6."),
  adam_beta1: z.number().min(0).lt(1).default(0.9).describe('Decay of the mean of gradients.'),
  adam_beta2: z.number().min(0).lt(1).default(0.999).describe('Decay of the mean of squared gradients.'),
  adam_epsilon: z
    .number()
    .gt(0)
    .optional()
    .describe('Added to the root in the denominator. Default: 1e-8, with lora_fa 1e-6.'),
  eval_steps: positiveInteger.default(50).describe('Steps between two validations.'),
  save_steps: positiveInteger.optional().describe('Steps between two checkpoints. Default: eval_steps.'),
  early_stopping_patience: positiveInteger
    .optional()
    .describe('Stop after this many validations without a new best loss. Default: never.'),
  unlikelihood: unlikelihood.optional(),
  shuffle: z.boolean().default(true).describe('Order the rows anew each epoch, by seed; false: as they lie.'),
  seed: z.int().min(0).default(42).describe('Seed of the initial values, the order of the rows and the split.'),
  device: z
    .enum(['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml', 'tfjs'])
    .default('auto')
    .describe('Where the engine runs; auto takes the fastest that works.'),
});

const fields = z.strictObject({
  model: path.describe('Hugging Face model directory, relative to this file.'),
  task: z.enum(['causal_lm', 'seq_2_seq_lm', 'seq_cls']).default('causal_lm').describe('Kind of model and loss.'),
  data: data.describe('Files of rows.'),
  template: template
    .optional()
    .describe(
      'How a row becomes text. Not needed for rows that hold input_ids (already tokenised), messages (chat), conversations (ShareGPT), or instruction and output (Alpaca).',
    ),
  labels: labels
    .optional()
    .describe('The closed set of answers; evaluation then ranks them by likelihood instead of generating.'),
  method,
  training: training.prefault({}).describe("How it is trained, in the names of transformers' TrainingArguments."),
  evaluation: evaluation.prefault({}).describe('What `evaluate` compares.'),
  sweep: sweep.optional(),
});

type Fail = (path: PropertyKey[], message: string) => void;

/** Rules between keys. */
function checkTogether(e: z.output<typeof fields>, fail: Fail): void {
  const { data, labels, method, training } = e;
  if (data.validation !== undefined && data.validation_split !== undefined) {
    fail(['data', 'validation_split'], 'give either validation or validation_split, not both');
  }
  if (
    training.early_stopping_patience !== undefined &&
    data.validation === undefined &&
    data.validation_split === undefined
  ) {
    fail(['training', 'early_stopping_patience'], 'needs data.validation or data.validation_split');
  }
  if (labels !== undefined && new Set(labels).size < labels.length) fail(['labels'], 'names a label twice');
  if (e.task === 'seq_cls') {
    if (labels === undefined && e.template !== undefined)
      fail(['labels'], 'is needed with task: seq_cls: the classes, in order');
  }
  checkUnlikelihood(e, fail);
  checkMethod(method, fail);
  if (training.optim === 'lora_fa' && method.peft_type !== 'LORA') {
    fail(['training', 'optim'], 'lora_fa trains LORA only');
  }
  const lowRank =
    method.peft_type === 'UNION'
      ? method.methods.some(({ peft_type }) => peft_type === 'LORA')
      : method.peft_type === 'LORA';
  if (training.loraplus_lr_ratio !== undefined && !lowRank) {
    fail(['training', 'loraplus_lr_ratio'], `tells LORA's A and B apart; ${method.peft_type} has no such pair`);
  }
  if (training.loraplus_lr_embedding !== undefined && training.loraplus_lr_ratio === undefined) {
    fail(['training', 'loraplus_lr_embedding'], 'is a part of LoRA+; give loraplus_lr_ratio too');
  }
  if (training.loraplus_lr_ratio !== undefined && training.optim === 'lora_fa') {
    fail(['training', 'loraplus_lr_ratio'], 'goes without lora_fa only, which does not train A');
  }
  checkEvaluation(e, fail);
}

/** Fills the defaults that depend on other keys. */
function complete(e: z.output<typeof fields>) {
  const { method, training, evaluation } = e;
  return {
    ...e,
    method: completeMethod(method, training.learning_rate),
    training: {
      ...training,
      learning_rate: training.learning_rate ?? defaultLearningRate(method),
      // PEFT's optimiser for it has a default of its own.
      adam_epsilon: training.adam_epsilon ?? (training.optim === 'lora_fa' ? 1e-6 : 1e-8),
      save_steps: training.save_steps ?? training.eval_steps,
    },
    evaluation: {
      ...evaluation,
      metrics:
        evaluation.metrics ??
        (e.labels === undefined && e.task !== 'seq_cls'
          ? (['exact_match', 'perplexity'] as const)
          : (['accuracy', 'f1'] as const)),
    },
  };
}

/** The experiment file as a schema: input is the parsed YAML, output an `Experiment`. */
export const experimentSchema = fields
  .superRefine((e, context) => {
    checkTogether(e, (path, message) => context.addIssue({ code: 'custom', path, message }));
  })
  .transform(complete);

/** An experiment with every default filled in. */
export type Experiment = z.output<typeof experimentSchema>;
/** The method section: PEFT's keys, discriminated by `peft_type`. */
export type MethodSection = Experiment['method'];
/** The training section. */
export type TrainingSection = Experiment['training'];
/** Every method name the file may give. */
export type PeftType = MethodSection['peft_type'];

/** The JSON Schema that editors use for hovers, completion and squiggles. */
export function tuneJsonSchema(): object {
  return {
    ...z.toJSONSchema(fields, { io: 'input', target: 'draft-7' }),
    title: 'Softprompt experiment',
  };
}
