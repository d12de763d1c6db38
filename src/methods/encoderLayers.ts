import type { Random } from '../foundation/random.ts';
import type { TrainableSpec } from '../models/attachment.ts';
import type { Builder } from '../onnx/builder.ts';
import type { Value } from '../onnx/dims.ts';

/** A trained tensor of an encoder, and how torch draws each of its first values. */
export interface EncoderTensor extends TrainableSpec {
  readonly draw: (random: Random) => number;
}

/** A layer of a prompt encoder: torch's module, with torch's names for its tensors. */
export interface EncoderLayer {
  readonly tensors: readonly EncoderTensor[];
  /** x `[virtual, in]` to `[virtual, out]`. */
  readonly apply: (b: Builder, trained: ReadonlyMap<string, Value>, x: Value) => Value;
}

export const relu: EncoderLayer = { tensors: [], apply: (b, _trained, x) => b.relu(x) };

export const tanh: EncoderLayer = { tensors: [], apply: (b, _trained, x) => b.tanh(x) };

/** torch.nn.Linear. */
export function linear(path: string, inFeatures: number, outFeatures: number): EncoderLayer {
  const [weight, bias] = [`${path}.weight`, `${path}.bias`];
  const draw = uniform(1 / Math.sqrt(inFeatures));
  return {
    tensors: [
      { name: weight, dims: [outFeatures, inFeatures], draw },
      { name: bias, dims: [outFeatures], draw },
    ],
    apply: (b, trained, x) => b.gemm(x, trained.get(weight)!, { transB: 1, name: path }, trained.get(bias)!),
  };
}

/**
 * torch.nn.LSTM, bidirectional, over the virtual tokens in their order: `[virtual, in]` to `[virtual, 2 * hidden]`, forward
 * states first. Written out step by step: prompts are short.
 */
export function bidirectionalLstm(path: string, inFeatures: number, hidden: number, layers: number): EncoderLayer {
  const directions = Array.from({ length: layers }, (_, layer) =>
    ['', '_reverse'].map((suffix) =>
      lstmDirection(path, `l${layer}${suffix}`, layer === 0 ? inFeatures : 2 * hidden, hidden),
    ),
  );
  return {
    tensors: directions.flat().flatMap((direction) => direction.tensors),
    apply: (b, trained, x) =>
      directions.reduce(
        (below, pair) =>
          b.concat(
            pair.map((direction) => direction.apply(b, trained, below)),
            1,
          ),
        x,
      ),
  };
}

/** One layer of an LSTM in one direction; the gates lie as torch's do: input, forget, cell, output. */
function lstmDirection(path: string, layer: string, inFeatures: number, hidden: number): EncoderLayer {
  const name = (kind: string) => `${path}.${kind}_${layer}`;
  const fromInput = name('weight_ih');
  const fromState = name('weight_hh');
  const inputBias = name('bias_ih');
  const stateBias = name('bias_hh');
  const gates = 4 * hidden;
  const draw = uniform(1 / Math.sqrt(hidden));
  return {
    tensors: [
      { name: fromInput, dims: [gates, inFeatures], draw },
      { name: fromState, dims: [gates, hidden], draw },
      { name: inputBias, dims: [gates], draw },
      { name: stateBias, dims: [gates], draw },
    ],
    apply: (b, trained, x) => {
      const given = b.gemm(x, trained.get(fromInput)!, { transB: 1 }, trained.get(inputBias)!);
      const rows = b.split(
        given,
        0,
        Array.from({ length: x.dims[0] as number }, () => 1),
      );
      const states: Value[] = [];
      let state: Value | null = null;
      let cell: Value | null = null;
      const backwards = layer.endsWith('_reverse');
      for (const row of backwards ? [...rows].reverse() : rows) {
        // The state before the first step is zero.
        const recurrent: Value =
          state === null
            ? trained.get(stateBias)!
            : b.gemm(state, trained.get(fromState)!, { transB: 1 }, trained.get(stateBias)!);
        const [i, f, g, o] = b.split(b.add(row, recurrent), 1, [hidden, hidden, hidden, hidden]);
        const written = b.mul(b.sigmoid(i!), b.tanh(g!));
        cell = cell === null ? written : b.add(b.mul(b.sigmoid(f!), cell), written);
        state = b.mul(b.sigmoid(o!), b.tanh(cell));
        states.push(state);
      }
      return b.concat(backwards ? states.reverse() : states, 0);
    },
  };
}

function uniform(bound: number): (random: Random) => number {
  return (random) => bound * (2 * random.uniform() - 1);
}
