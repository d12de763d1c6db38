import type { ModelConfig } from '../checkpoint/config.ts';
import type { RotaryEmbedding } from './rotaryEmbedding.ts';

/** What the types of rotary embeddings are made from. */
export interface RotaryParameters {
  /** The object with a type's own keys. */
  readonly rope: ModelConfig;
  /** Base of the wavelengths. */
  readonly theta: number;
  /** Dimensions of a head that rotate. */
  readonly rotated: number;
  /** `max_position_embeddings`. */
  readonly positions: number;
  /** Positions of the rows that the model was trained on before it was stretched. */
  readonly original: number;
}

/** The types that are understood; names and formulas are transformers' (`rope_type`, `modeling_rope_utils.py`). */
export const rotaryTypes = {
  default: (parameters) => fixed(parameters, plainFrequencies(parameters)),
  /** Position interpolation, https://arxiv.org/abs/2306.15595. */
  linear: (parameters) => {
    const factor = above0(parameters.rope, 'factor', parameters.rope.number('factor'));
    return fixed(
      parameters,
      plainFrequencies(parameters).map((frequency) => frequency / factor),
    );
  },
  /** Theta grows with the row, so that the longest wavelength always spans it ("dynamic NTK"). */
  dynamic: (parameters) => {
    const { rope, theta, rotated, positions } = parameters;
    const factor = above0(rope, 'factor', rope.number('factor'));
    if (rotated === 2) throw rope.invalid('rope_type', 'is "dynamic", which needs more than 2 rotating dimensions');
    const frequencies = Float32Array.from(plainFrequencies(parameters));
    return {
      frequencies,
      frequenciesOf: (length) => {
        if (length <= positions) return frequencies;
        const grown = theta * ((factor * length) / positions - (factor - 1)) ** (rotated / (rotated - 2));
        return Float32Array.from(plainFrequencies({ theta: grown, rotated }));
      },
      factor: 1,
      positions: Math.max(positions, Math.floor(factor * positions)),
    };
  },
  /** Dimensions that turn often within the original length are kept, those that turn seldom interpolated; https://arxiv.org/abs/2309.00071. */
  yarn: (parameters) => {
    const { rope, theta, rotated, positions, original } = parameters;
    const factor = above0(rope, 'factor', rope.number('factor', positions / original));
    // A pair of dimensions that turns so often within the original length; in transformers, too, 0 means the default.
    const turning = (turns: number) => (rotated * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
    const [fast, slow] = [rope.number('beta_fast', 32) || 32, rope.number('beta_slow', 1) || 1];
    const whole = rope.boolean('truncate', true);
    const low = Math.max(whole ? Math.floor(turning(fast)) : turning(fast), 0);
    const high = Math.min(whole ? Math.ceil(turning(slow)) : turning(slow), rotated - 1);
    const width = high === low ? 0.001 : high - low;
    const frequencies = plainFrequencies(parameters).map((frequency, i) => {
      const interpolated = Math.min(Math.max((i - low) / width, 0), 1);
      return (frequency / factor) * interpolated + frequency * (1 - interpolated);
    });
    return fixed(parameters, frequencies, rope.optionalNumber('attention_factor') ?? yarnFactor(rope, factor));
  },
  /** A divisor for each pair of dimensions, another one in rows longer than the original length; https://arxiv.org/abs/2402.13753. */
  longrope: (parameters) => {
    const { rope, positions, original } = parameters;
    const [short, long] = [divided(parameters, 'short_factor'), divided(parameters, 'long_factor')];
    const stretch = rope.number('factor', positions / original);
    const factor =
      rope.optionalNumber('attention_factor') ??
      (stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(original)));
    if (!Number.isFinite(factor)) {
      throw rope.invalid('original_max_position_embeddings', `is ${original}; this type needs 2 or more`);
    }
    return { frequencies: short, frequenciesOf: (length) => (length > original ? long : short), factor, positions };
  },
  /** Llama 3.1's: long wavelengths are stretched, short ones kept, those between blended. */
  llama3: (parameters) => {
    const { rope, original } = parameters;
    const factor = above0(rope, 'factor', rope.number('factor'));
    const low = rope.number('low_freq_factor', 1);
    const high = rope.number('high_freq_factor', 4);
    const frequencies = plainFrequencies(parameters).map((frequency) => {
      const wavelength = (2 * Math.PI) / frequency;
      if (wavelength > original / low) return frequency / factor;
      if (wavelength < original / high) return frequency;
      const smooth = (original / wavelength - low) / (high - low);
      return ((1 - smooth) * frequency) / factor + smooth * frequency;
    });
    return fixed(parameters, frequencies);
  },
} satisfies Record<string, (parameters: RotaryParameters) => RotaryEmbedding>;

/** One over theta to the power of each pair's part of the rotating dimensions. */
function plainFrequencies({ theta, rotated }: Pick<RotaryParameters, 'theta' | 'rotated'>): readonly number[] {
  return Array.from({ length: rotated / 2 }, (_, i) => theta ** ((-2 * i) / rotated));
}

/** An embedding that turns rows of every length alike. */
function fixed({ positions }: RotaryParameters, frequencies: readonly number[], factor = 1): RotaryEmbedding {
  return { frequencies: Float32Array.from(frequencies), factor, positions };
}

/** YaRN's factor on cosines and sines: it sharpens attention, whose scores are spread over more positions. */
function yarnFactor(rope: ModelConfig, stretch: number): number {
  const sharpening = (scale: number) => (stretch <= 1 ? 1 : 0.1 * scale * Math.log(stretch) + 1);
  const [scale, all] = [rope.optionalNumber('mscale'), rope.optionalNumber('mscale_all_dim')];
  return scale && all ? sharpening(scale) / sharpening(all) : sharpening(1);
}

/** The plain frequencies, divided by a list of numbers. */
function divided(parameters: RotaryParameters, key: string): Float32Array {
  const { rope } = parameters;
  const plain = plainFrequencies(parameters);
  const divisors = rope.optionalNumbers(key);
  if (divisors === undefined) throw rope.invalid(key, 'is missing; a list of numbers is expected');
  if (divisors.length !== plain.length) {
    throw rope.invalid(key, `has ${divisors.length} numbers for ${plain.length} pairs of rotating dimensions`);
  }
  for (const divisor of divisors) above0(rope, key, divisor);
  return Float32Array.from(plain, (frequency, i) => frequency / divisors[i]!);
}

function above0(rope: ModelConfig, key: string, value: number): number {
  if (value > 0) return value;
  throw rope.invalid(key, `is ${value}; it must be above 0`);
}
