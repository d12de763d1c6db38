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

/** Where a family keeps its rotary embedding's parameters, and what they are where its config does not say. */
export interface RotaryReading {
  /** 10,000 when absent. */
  readonly theta?: number;
  /** The key that theta has outside of the parameters' object; `rope_theta` when absent. */
  readonly thetaKey?: string;
  /** The part of every head that rotates; 1 when absent. */
  readonly partial?: number;
  /** The key of that; `partial_rotary_factor` when absent. */
  readonly partialKey?: string;
  /** The parameters' object (null: none); `rope_parameters` (transformers 5) or `rope_scaling` (before) when absent. */
  readonly parameters?: ModelConfig | null;
}

/** The inverse frequencies of a rotary embedding, one for each pair of rotating dimensions. */
export function rotaryFrequencies(config: ModelConfig, headDim: number, reading: RotaryReading = {}): Float32Array {
  const { thetaKey = 'rope_theta', partialKey = 'partial_rotary_factor' } = reading;
  const { parameters: rope = config.optionalObject(['rope_parameters', 'rope_scaling']) } = reading;
  const theta = rope?.optionalNumber('rope_theta') ?? config.number(thetaKey, reading.theta ?? 10_000);
  const partial = rope?.optionalNumber('partial_rotary_factor') ?? config.number(partialKey, reading.partial ?? 1);
  const rotated = partial === 1 ? headDim : Math.trunc(headDim * partial);
  if (rotated % 2 !== 0) {
    const part = partial === 1 ? '' : `, of which ${rotated} rotate`;
    throw config.invalid('head_dim', `is ${headDim}${part}; a rotary embedding needs an even number`);
  }
  if (rotated < 2 || rotated > headDim) {
    throw config.invalid(partialKey, `is ${partial}; of the ${headDim} dimensions of a head, 2 or more must rotate`);
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

/**
 * Each layer's tables for the positions of a segment, from each layer's frequencies (null where it does not rotate);
 * layers of the same frequencies share them.
 */
export function rotaryTables(
  { b }: Scope,
  segment: Segment,
  frequenciesOf: (layer: number) => Float32Array | null,
): (layer: number) => Rotary | null {
  const made = new Map<Float32Array, Rotary>();
  return (layer) => {
    const frequencies = frequenciesOf(layer);
    if (frequencies === null) return null;
    let tables = made.get(frequencies);
    if (tables === undefined) {
      const positions = b.reshape(b.cast(segment.positions, 'float32'), [segment.batch, segment.time, 1]);
      const angles = b.mul(positions, b.floats('rotary_frequencies', frequencies));
      tables = { cos: b.cos(angles), sin: b.sin(angles) };
      made.set(frequencies, tables);
    }
    return tables;
  };
}
