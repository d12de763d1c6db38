import type { JsonObject } from '../checkpoint/json.ts';
import type { Model } from '../models/model.ts';
import { lora } from './lora.ts';
import type { Method, TrainedTensors } from './method.ts';
import type { TripletLayer } from './rankPattern.ts';

/**
 * An ADALORA adapter as the LORA that computes the same: E goes into B, and each layer has a rank and an alpha of its own.
 * Null where every layer is pruned to nothing.
 */
export function adaloraAsLora(
  { config }: Method,
  layers: readonly TripletLayer[],
  scaling: number,
  trained: TrainedTensors,
  model: Model,
): { readonly method: Method; readonly tensors: TrainedTensors } | null {
  const held = layers.filter(({ rank }) => rank > 0);
  if (held.length === 0) return null;
  const tensors = new Map(trained);
  for (const { names, rank } of held) {
    const [a, e, b] = [trained.get(names.a)!, trained.get(names.e)!, trained.get(names.b)!];
    for (const name of [names.a, names.e, names.b]) tensors.delete(name);
    tensors.set(`${names.a}.weight`, a);
    tensors.set(
      `${names.b}.weight`,
      b.map((x, at) => x * e[at % rank]!),
    );
  }
  const byPath = (value: (layer: TripletLayer) => number): JsonObject =>
    Object.fromEntries(held.map((layer) => [layer.site.path.replaceAll('.', '\\.'), value(layer)]));
  const { task_type, base_model_name_or_path, bias, modules_to_save } = config;
  const same = { task_type, base_model_name_or_path, bias, modules_to_save } as JsonObject;
  const method = lora(
    {
      ...same,
      peft_type: 'LORA',
      target_modules: held.map(({ site }) => site.path),
      rank_pattern: byPath(({ rank }) => rank),
      alpha_pattern: byPath(({ rank }) => scaling * rank),
    },
    model,
    'method',
  );
  return { method, tensors };
}
