import type { ModelConfig } from '../checkpoint/config.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Rotary, Segment } from './decoder.ts';
import type { Scope } from './scope.ts';

/** The rotary variants that are understood; names are transformers' `rope_type`. */
const variants = {
  default: () => (frequency: number) => frequency,
  /** Position interpolation, https://arxiv.org/abs/2306.15595. */
  linear: (rope) => {
    const factor = factorOf(rope);
    return (frequency) => frequency / factor;
  },
  /** Llama 3.1's: long wavelengths are stretched, short ones kept, those between blended. */
  llama3: (rope) => {
    const factor = factorOf(rope);
    const low = rope.number('low_freq_factor', 1);
    const high = rope.number('high_freq_factor', 4);
    const original = rope.number('original_max_position_embeddings', 8192);
    return (frequency) => {
      const wavelength = (2 * Math.PI) / frequency;
      if (wavelength > original / low) return frequency / factor;
      if (wavelength < original / high) return frequency;
      const smooth = (original / wavelength - low) / (high - low);
      return ((1 - smooth) * frequency) / factor + smooth * frequency;
    };
  },
} satisfies Record<string, (rope: ModelConfig) => (frequency: number) => number>;

function factorOf(rope: ModelConfig): number {
  const factor = rope.number('factor');
  if (factor > 0) return factor;
  throw rope.invalid('factor', `is ${factor}; it must be above 0`);
}

/**
 * The inverse frequencies of a rotary embedding, one for each pair of dimensions, from `rope_parameters` (transformers 5)
 * or `rope_theta` and `rope_scaling` (before).
 */
export function rotaryFrequencies(config: ModelConfig, headDim: number, defaultTheta = 10_000): Float32Array {
  if (headDim % 2 !== 0) throw config.invalid('head_dim', `is ${headDim}; a rotary embedding needs an even number`);
  const rope = config.optionalObject(['rope_parameters', 'rope_scaling']);
  const theta = rope?.optionalNumber('rope_theta') ?? config.number('rope_theta', defaultTheta);
  const type = rope?.optionalString(['rope_type', 'type']) ?? 'default';
  if (!Object.hasOwn(variants, type)) {
    throw new SoftpromptError('config-key', {
      file: config.file,
      key: 'rope_type',
      problem: `is "${type}"; rotary embeddings of type ${Object.keys(variants).join(', ')} are supported`,
    });
  }
  const adjust = variants[type as keyof typeof variants](rope ?? config);
  return Float32Array.from({ length: headDim / 2 }, (_, i) => adjust(theta ** ((-2 * i) / headDim)));
}

/** Tables for the positions of a segment. */
export function rotaryTables({ b }: Scope, segment: Segment, frequencies: Float32Array): Rotary {
  const positions = b.reshape(b.cast(segment.positions, 'float32'), [segment.batch, segment.time, 1]);
  const angles = b.mul(positions, b.floats('rotary_frequencies', frequencies));
  return { cos: b.cos(angles), sin: b.sin(angles) };
}
