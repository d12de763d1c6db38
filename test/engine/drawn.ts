import type { JsonObject } from '../../src/checkpoint/json.ts';
import { Random } from '../../src/foundation/random.ts';
import type { Adapter } from '../../src/methods/adapter.ts';
import { trainingForm } from '../../src/methods/promptEncoder.ts';
import { configureMethod } from '../../src/methods/table.ts';
import type { LabelledRow } from '../../src/models/labelledRow.ts';
import type { Model } from '../../src/models/model.ts';

/** Rows of 2 to 14 random tokens, of which all from a random place on are supervised (in some rows the first too). */
export function drawnRows(model: Model, count: number, seed = 1): readonly (LabelledRow & { inputIds: number[] })[] {
  const random = Random.of(seed, 'rows');
  return Array.from({ length: count }, () => {
    const length = 2 + random.integer(13);
    const inputIds = Array.from({ length }, () => random.integer(model.architecture.sizes.vocabulary));
    const from = random.integer(length);
    return { inputIds, labels: inputIds.map((id, t) => (t < from ? -100 : id)) };
  });
}

/** A soft prompt of random rows of the embedding table, or what `more` makes of it, as it is trained. */
export async function drawnPrompt(model: Model, seed: number, more: JsonObject = {}): Promise<Adapter> {
  return drawnAdapter(model, seed, { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 4, ...more });
}

/** A method with the first tensors it draws, as it is trained. */
export async function drawnAdapter(model: Model, seed: number, config: JsonObject): Promise<Adapter> {
  const method = configureMethod(config, model);
  const tensors = await method.initialise({ model, random: Random.of(seed, 'prompt'), encode: null });
  return { method: trainingForm(method), tensors };
}

/** Methods that act on linear layers, drawn so that they change what the model gives. */
export const layerMethods = {
  LORA: { peft_type: 'LORA', r: 3, init_lora_weights: false, target_modules: 'all-linear' },
  DoRA: { peft_type: 'LORA', r: 2, init_lora_weights: false, use_dora: true, target_modules: 'all-linear' },
  IA3: { peft_type: 'IA3', init_ia3_weights: false, target_modules: 'all-linear', feedforward_modules: '.*mlp.*' },
} as const satisfies Record<string, JsonObject>;
