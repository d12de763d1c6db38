import type { ModelConfig } from '../checkpoint/config.ts';

const layerTypes = ['full_attention', 'sliding_attention'];

/** Keys that a query of a sliding layer sees, its own included; Infinity where `sliding_window` is null. */
export function slidingWindow(config: ModelConfig, fallback: number): number {
  if (config.raw('sliding_window') === undefined) return fallback;
  return config.raw('sliding_window') === null ? Number.POSITIVE_INFINITY : config.count('sliding_window');
}

/** Each layer's window: as `layer_types` says which layers slide or, in files without it, the family's rule. */
export function layerWindows(
  config: ModelConfig,
  layers: number,
  window: number,
  slides: (layer: number) => boolean,
): readonly number[] {
  const types = config.optionalStrings('layer_types');
  if (types === undefined) {
    return Array.from({ length: layers }, (_, layer) => (slides(layer) ? window : Number.POSITIVE_INFINITY));
  }
  if (types.length !== layers) throw config.invalid('layer_types', `has ${types.length} entries for ${layers} layers`);
  return types.map((type) => {
    if (!layerTypes.includes(type)) {
      throw config.invalid('layer_types', `has "${type}"; supported are ${layerTypes.join(', ')}`);
    }
    if (type === 'full_attention') return Number.POSITIVE_INFINITY;
    if (window !== Number.POSITIVE_INFINITY) return window;
    throw config.invalid('layer_types', 'has "sliding_attention", but there is no sliding window');
  });
}
