import type { JsonObject } from '../../src/checkpoint/json.ts';
import { Random } from '../../src/foundation/random.ts';
import type { Adapter } from '../../src/methods/adapter.ts';
import { trainingForm } from '../../src/methods/promptEncoder.ts';
import { configureMethod } from '../../src/methods/table.ts';
import type { LabelledRow } from '../../src/models/labelledRow.ts';
import type { Model } from '../../src/models/model.ts';

/**
 * Rows of 2 to 14 random tokens. For a model that continues a text all tokens from a random place on are supervised (in some
 * rows the first too); for one that answers a text there are as many more tokens, for a classifier there is a class.
 */
export function drawnRows(model: Model, count: number, seed = 1): readonly (LabelledRow & { inputIds: number[] })[] {
  const random = Random.of(seed, 'rows');
  return Array.from({ length: count }, () => {
    const length = 2 + random.integer(13);
    const inputIds = Array.from({ length }, () => random.integer(model.architecture.sizes.vocabulary));
    const from = random.integer(length);
    if (model.task === 'seq_cls') return { inputIds, labels: [from % model.classifier!.classes] };
    if (model.task === 'seq_2_seq_lm') return { inputIds, labels: inputIds.toReversed() };
    return { inputIds, labels: inputIds.map((id, t) => (t < from ? -100 : id)) };
  });
}

/** A soft prompt of random rows of the embedding table, or what `more` makes of it, as it is trained. */
export async function drawnPrompt(model: Model, seed: number, more: JsonObject = {}): Promise<Adapter> {
  return drawnAdapter(model, seed, { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4, ...more });
}

/** A method with the first tensors it draws, as it is trained; with `moved`, which is no key of a method, each times 0.9 to 1.1. */
export async function drawnAdapter(model: Model, seed: number, { moved, ...config }: JsonObject): Promise<Adapter> {
  const method = configureMethod(config, model);
  const first = await method.initialise({ model, random: Random.of(seed, 'prompt'), encode: null });
  const random = Random.of(seed, 'moved');
  const tensors = new Map(
    [...first].map(([name, data]) => [name, moved ? data.map((x) => x * (0.9 + 0.2 * random.uniform())) : data]),
  );
  return { method: trainingForm(method), tensors };
}

/** Methods that act on linear layers, drawn so that they change what the model gives. */
export const layerMethods = {
  LORA: { peft_type: 'LORA', r: 3, init_lora_weights: false, target_modules: 'all-linear' },
  DoRA: { peft_type: 'LORA', r: 2, init_lora_weights: false, use_dora: true, target_modules: 'all-linear' },
  IA3: { peft_type: 'IA3', init_ia3_weights: false, target_modules: 'all-linear', feedforward_modules: '.*mlp.*' },
} as const satisfies Record<string, JsonObject>;

/** Every method, drawn so that it changes what the model gives: what tests of properties run on every model. */
export const drawnMethods: Readonly<Record<string, JsonObject>> = {
  prompt: { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4 },
  'prompt through an MLP': { peft_type: 'P_TUNING', num_virtual_tokens: 4, encoder_hidden_size: 6 },
  'prompt through an LSTM': {
    ...{ peft_type: 'P_TUNING', num_virtual_tokens: 4, encoder_hidden_size: 6 },
    encoder_reparameterization_type: 'LSTM',
  },
  prefix: { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 4 },
  'prefix through an MLP': {
    ...{ peft_type: 'PREFIX_TUNING', num_virtual_tokens: 4 },
    ...{ prefix_projection: true, encoder_hidden_size: 6 },
  },
  ...layerMethods,
  LOHA: { peft_type: 'LOHA', r: 3, init_weights: false, target_modules: 'all-linear' },
  LOKR: { peft_type: 'LOKR', r: 2, init_weights: false, target_modules: 'all-linear' },
  ADALORA: {
    ...{ peft_type: 'ADALORA', init_r: 3, init_lora_weights: false, target_modules: 'all-linear' },
    // Such matrices are large, and as far from orthogonal: a loss of thousands would drown its slopes.
    ...{ lora_alpha: 0.1, orth_reg_weight: 0.002 },
  },
  VERA: {
    ...{ peft_type: 'VERA', r: 5, init_weights: false, target_modules: 'all-linear' },
    // Random factors are large, and T5 does not scale its scores: its losses bend within the smallest step.
    exclude_modules: '.*(Self|EncDec)Attention.*',
  },
  LN_TUNING: { peft_type: 'LN_TUNING', moved: true, target_modules: '.*(norm|Norm|ln_)[^.]*' },
  'LORA beside the token embeddings': {
    ...{ peft_type: 'LORA', r: 2, lora_alpha: 1, init_lora_weights: false },
    target_modules: '.*(wte|embed_in|embed_tokens|word_embeddings)|shared',
  },
  'bottlenecks after the sub-blocks': {
    ...{ peft_type: 'BOTTLENECK', config: 'double_seq_bn', reduction_factor: 6, scaling: 10 },
    ...{ ln_before: true, original_ln_before: true, residual_before_ln: false },
  },
  'bottlenecks beside the MLP': {
    ...{ peft_type: 'BOTTLENECK', config: 'par_bn', reduction_factor: 6, init_weights: 'bert', non_linearity: 'mish' },
    ...{ scaling: 20 },
  },
  'bottlenecks with norms and factors of their own': {
    ...{ peft_type: 'BOTTLENECK', config: 'seq_bn', reduction_factor: 8, non_linearity: 'laplace', scaling: 'channel' },
    ...{ ln_after: true, adapter_residual_before_ln: true },
  },
  'prompt and LORA together': {
    peft_type: 'UNION',
    methods: [
      { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 3 },
      { peft_type: 'LORA', r: 2, lora_alpha: 2, init_lora_weights: false, target_modules: 'all-linear' },
    ],
  },
  'LORA with biases': {
    ...{ peft_type: 'LORA', r: 2, lora_alpha: 2, init_lora_weights: false, lora_bias: true, bias: 'all' },
    target_modules: 'all-linear',
  },
};

/**
 * Those of the methods whose gradient is the slope of the loss: DoRA's takes the norm of a row as a constant, and the MLP of a
 * prompt has ReLUs, which have kinks. Theirs are held to PEFT's in the golden set.
 */
export const methodsWithSlopes: Readonly<Record<string, JsonObject>> = Object.fromEntries(
  Object.entries(drawnMethods).filter(([name]) => name !== 'DoRA' && name !== 'prompt through an MLP'),
);
