import type { ModelConfig } from '../checkpoint/config.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { DecoderSizes } from './decoder.ts';
import { rotaryTypes } from './rotaryTypes.ts';

/** A rotary embedding (https://arxiv.org/abs/2104.09864): by how much positions turn queries and keys. */
export interface RotaryEmbedding {
  /** Inverse frequencies, radians a position, one for each pair of rotating dimensions; those of the shortest row. */
  readonly frequencies: Float32Array;
  /**
   * The same for a row of so many positions, virtual tokens among them; absent where every row has `frequencies`. Rows of the
   * same frequencies get the same array.
   */
  readonly frequenciesOf?: (length: number) => Float32Array;
  /** Factor on the tables of cosines and sines. */
  readonly factor: number;
  /** Positions that a row can have. */
  readonly positions: number;
}

/** Where a family keeps its rotary embedding's parameters, and what they are where its config does not say. */
export interface RotaryReading {
  /** `max_position_embeddings` where the config does not say. */
  readonly maxPositions: number;
  /** `original_max_position_embeddings` where the config does not say; `max_position_embeddings` when absent. */
  readonly originalPositions?: number;
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
  /** What names of types mean where it is not what they say. */
  readonly typeNames?: Readonly<Record<string, keyof typeof rotaryTypes>>;
}

/**
 * Reads a rotary embedding.
 * @throws SoftpromptError config-key
 */
export function readRotary(config: ModelConfig, headDim: number, reading: RotaryReading): RotaryEmbedding {
  const { thetaKey = 'rope_theta', partialKey = 'partial_rotary_factor' } = reading;
  const { parameters: rope = config.optionalObject(['rope_parameters', 'rope_scaling']) } = reading;
  const theta = rope?.optionalNumber('rope_theta') ?? config.number(thetaKey, reading.theta ?? 10_000);
  if (!(theta > 1)) throw config.invalid(thetaKey, `is ${theta}; it must be above 1`);
  const partial = rope?.optionalNumber('partial_rotary_factor') ?? config.number(partialKey, reading.partial ?? 1);
  const rotated = partial === 1 ? headDim : Math.trunc(headDim * partial);
  if (rotated % 2 !== 0) {
    const part = partial === 1 ? '' : `, of which ${rotated} rotate`;
    throw config.invalid('head_dim', `is ${headDim}${part}; a rotary embedding needs an even number`);
  }
  if (rotated < 2 || rotated > headDim) {
    throw config.invalid(partialKey, `is ${partial}; of the ${headDim} dimensions of a head, 2 or more must rotate`);
  }
  const named = rope?.optionalString(['rope_type', 'type']) ?? 'default';
  const type = reading.typeNames?.[named] ?? named;
  if (!Object.hasOwn(rotaryTypes, type)) {
    throw new SoftpromptError('config-key', {
      file: config.file,
      key: 'rope_type',
      problem: `is "${type}"; rotary embeddings of type ${Object.keys(rotaryTypes).join(', ')} are supported`,
    });
  }
  const positions = config.count('max_position_embeddings', reading.maxPositions);
  const key = 'original_max_position_embeddings';
  // Beside the parameters' object, as Phi-3 has it, it counts before that inside.
  const given = config.optionalInteger(key) === undefined ? (rope ?? config) : config;
  const original = given.count(key, reading.originalPositions ?? positions);
  return rotaryTypes[type as keyof typeof rotaryTypes]({ rope: rope ?? config, theta, rotated, positions, original });
}

/** What a model's sizes say of its rotary embedding. */
export function rotarySizes(rotary: RotaryEmbedding): Pick<DecoderSizes, 'maxPositions' | 'frequenciesOf'> {
  const { positions, frequenciesOf } = rotary;
  return { maxPositions: positions, ...(frequenciesOf !== undefined && { frequenciesOf }) };
}
