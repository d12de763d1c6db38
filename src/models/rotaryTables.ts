import type { Value } from '../onnx/dims.ts';
import { floats, type Tensor } from '../runtime/tensor.ts';
import type { DecoderSizes, Rotary, Segment } from './decoder.ts';
import type { RotaryEmbedding } from './rotaryEmbedding.ts';
import type { Scope } from './scope.ts';

/** The input that holds each row's inverse frequencies, `[batch, rotated / 2]`, where they depend on the row. */
export const rowFrequencies = 'rotary_frequencies';

/** The tensor of that input for rows of so many positions each, virtual tokens among them; none where no row needs its own. */
export function frequencyInputs(
  { frequenciesOf }: DecoderSizes,
  lengths: readonly number[],
): readonly (readonly [string, Tensor])[] {
  if (frequenciesOf === undefined) return [];
  const rows = lengths.map(frequenciesOf);
  const pairs = rows[0]!.length;
  const data = new Float32Array(rows.length * pairs);
  for (const [r, row] of rows.entries()) data.set(row, r * pairs);
  return [[rowFrequencies, floats(data, [rows.length, pairs])]];
}

/**
 * Each layer's tables for the positions of a segment, from each layer's rotary embedding (null where it does not rotate);
 * layers of the same embedding share them.
 */
export function rotaryTables(
  { b }: Scope,
  segment: Segment,
  rotaryOf: (layer: number) => RotaryEmbedding | null,
): (layer: number) => Rotary | null {
  const made = new Map<RotaryEmbedding, Rotary>();
  const frequenciesOf = ({ frequencies, frequenciesOf }: RotaryEmbedding): Value => {
    const pairs = frequencies.length;
    if (frequenciesOf === undefined) return b.floats(rowFrequencies, frequencies);
    // Of one segment and of the next in the same graph the rows are the same.
    const given =
      b.graph.inputs.find(({ name }) => name === rowFrequencies) ??
      b.graph.input(rowFrequencies, 'float32', [segment.batch, pairs]);
    return b.reshape(given, [segment.batch, 1, pairs]);
  };
  return (layer) => {
    const rotary = rotaryOf(layer);
    if (rotary === null) return null;
    let tables = made.get(rotary);
    if (tables === undefined) {
      const positions = b.reshape(b.cast(segment.positions, 'float32'), [segment.batch, segment.time, 1]);
      const angles = b.mul(positions, frequenciesOf(rotary));
      const scaled = (x: Value): Value => (rotary.factor === 1 ? x : b.scale(x, rotary.factor));
      tables = { cos: scaled(b.cos(angles)), sin: scaled(b.sin(angles)) };
      made.set(rotary, tables);
    }
    return tables;
  };
}
