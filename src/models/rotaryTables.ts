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

/** What a family's rotary embedding is where its config does not say. */
export interface RotaryDefaults {
  readonly theta?: number;
  /** The part of every head that rotates. */
  readonly partial?: number;
}

/**
 * The inverse frequencies of a rotary embedding, one for each pair of rotating dimensions, from `rope_parameters`
 * (transformers 5) or `rope_theta`, `rope_scaling` and what families called them (before).
 */
export function rotaryFrequencies(config: ModelConfig, headDim: number, defaults: RotaryDefaults = {}): Float32Array {
  const rope = config.optionalObject(['rope_parameters', 'rope_scaling']);
  const theta =
    rope?.optionalNumber('rope_theta') ?? config.number(['rope_theta', 'rotary_emb_base'], defaults.theta ?? 10_000);
  const partial =
    rope?.optionalNumber('partial_rotary_factor') ??
    config.number(['partial_rotary_factor', 'rotary_pct'], defaults.partial ?? 1);
  const rotated = partial === 1 ? headDim : Math.trunc(headDim * partial);
  if (rotated % 2 !== 0) {
    const part = partial === 1 ? '' : `, of which ${rotated} rotate`;
    throw config.invalid('head_dim', `is ${headDim}${part}; a rotary embedding needs an even number`);
  }
  if (rotated < 2 || rotated > headDim) {
    throw config.invalid(
      'partial_rotary_factor',
      `is ${partial}; of the ${headDim} dimensions of a head, 2 or more must rotate`,
    );
  }
  const type = rope?.optionalString(['rope_type', 'type']) ?? 'default';
  if (!Object.hasOwn(variants, type)) {
    throw new SoftpromptError('config-key', {
      file: config.file,
      key: 'rope_type',
      problem: `is "${type}"; rotary embeddings of type ${Object.keys(variants).join(', ')} are supported`,
    });
  }
  const adjust = variants[type as keyof typeof variants](rope ?? config);
  return Float32Array.from({ length: rotated / 2 }, (_, i) => adjust(theta ** ((-2 * i) / rotated)));
}

/** Tables for the positions of a segment. */
export function rotaryTables({ b }: Scope, segment: Segment, frequencies: Float32Array): Rotary {
  const positions = b.reshape(b.cast(segment.positions, 'float32'), [segment.batch, segment.time, 1]);
  const angles = b.mul(positions, b.floats('rotary_frequencies', frequencies));
  return { cos: b.cos(angles), sin: b.sin(angles) };
}
