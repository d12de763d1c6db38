import { biasTensors, bucketInput, unseen } from '../models/attentionBias.ts';
import { cacheNames } from '../models/decodeGraph.ts';
import type { DecoderSizes } from '../models/decoder.ts';
import { floatOutput, type GraphSession } from '../runtime/session.ts';
import { type FloatTensor, floats, integers, type Tensor, type Tensors } from '../runtime/tensor.ts';

/**
 * Rows that are being decoded together, with their key/value cache. Rows may differ in length: shorter ones leave holes
 * in the cache that are never seen, and positions count a row's own tokens, so a row gives the same numbers in any batch.
 */
export class Decoding {
  readonly #session: GraphSession;
  readonly #sizes: DecoderSizes;
  readonly #batch: number;
  readonly #fixed: readonly (readonly [string, Tensor])[];
  #cache: Map<string, FloatTensor>;
  /** Which slots of the cache hold a token, by row. */
  #visible: readonly Uint8Array[];
  /** Position of each row's next token. */
  readonly #positions: number[];

  constructor(
    session: GraphSession,
    sizes: DecoderSizes,
    batch: number,
    prefix: Tensors,
    fixed: readonly (readonly [string, Tensor])[],
  ) {
    this.#session = session;
    this.#sizes = sizes;
    this.#batch = batch;
    this.#fixed = fixed;
    this.#cache = firstCache(sizes, batch, prefix);
    const length = this.#cache.values().next().value!.dims[2]!;
    this.#visible = Array.from({ length: batch }, () => new Uint8Array(length).fill(1));
    this.#positions = new Array<number>(batch).fill(length);
  }

  /** Position of each row's next token. */
  get positions(): readonly number[] {
    return [...this.#positions];
  }

  /** Another decoding of the same rows that goes on from here on its own. */
  fork(): Decoding {
    const copy = new Decoding(this.#session, this.#sizes, this.#batch, new Map(), this.#fixed);
    copy.#cache = this.#cache;
    copy.#visible = this.#visible;
    for (const [row, position] of this.#positions.entries()) copy.#positions[row] = position;
    return copy;
  }

  /**
   * Feeds each row's next tokens (at least one a row). Gives logits `[vocabulary]` for each row after its last token or,
   * with `all`, after each of its tokens.
   */
  async advance(tokens: readonly (readonly number[])[], all = false): Promise<readonly (readonly Float32Array[])[]> {
    const time = Math.max(...tokens.map((row) => row.length));
    const rows = tokens.flatMap((row, r) => (all ? row.map((_, t) => r * time + t) : [r * time + row.length - 1]));
    const padded = tokens.flatMap((row) => [...row, ...new Array<number>(time - row.length).fill(row[0]!)]);
    // A row that is over may be fed beyond the last position while others go on; what comes of that is not looked at.
    const last = this.#sizes.maxPositions - 1;
    const positions = tokens.flatMap((row, r) =>
      Array.from({ length: time }, (_, t) => Math.min(this.#positions[r]! + Math.min(t, row.length - 1), last)),
    );
    const inputs = new Map<string, Tensor>([
      ...this.#fixed,
      ['input_ids', integers(padded, [this.#batch, time])],
      ['position_ids', integers(positions, [this.#batch, time])],
      ...biasTensors(this.#sizes, 'attention_bias', (window) => this.#bias(time, window)),
      ['rows', integers(rows)],
      ...this.#buckets(positions, time),
    ]);
    for (let layer = 0; layer < this.#sizes.layers; layer++) {
      const [past, present] = [cacheNames('past', layer), cacheNames('present', layer)];
      inputs.set(past.key, this.#cache.get(present.key)!);
      inputs.set(past.value, this.#cache.get(present.value)!);
    }
    const outputs = await this.#session.run(inputs);
    this.#cache = new Map([...this.#cache.keys()].map((name) => [name, floatOutput(outputs, name)]));
    this.#visible = this.#visible.map((slots, r) => {
      const grown = new Uint8Array(slots.length + time);
      grown.set(slots);
      return grown.fill(1, slots.length, slots.length + tokens[r]!.length);
    });
    for (const [r, row] of tokens.entries()) this.#positions[r]! += row.length;

    const { data, dims } = floatOutput(outputs, 'logits');
    const vocabulary = dims[1]!;
    let at = 0;
    return tokens.map((row) =>
      Array.from({ length: all ? row.length : 1 }, () => data.subarray(at * vocabulary, ++at * vocabulary)),
    );
  }

  /** How far each slot of the cache, and each new token, is from each new token, where the model asks for that. */
  #buckets(positions: readonly number[], time: number): readonly (readonly [string, Tensor])[] {
    if (this.#sizes.relative === undefined) return [];
    const queries = this.#visible.map((_, r) => positions.slice(r * time, (r + 1) * time));
    const keys = this.#visible.map((slots, r) => {
      let position = 0;
      return [...Array.from(slots, (seen) => (seen === 0 ? position : position++)), ...queries[r]!];
    });
    return bucketInput(this.#sizes, 'attention_bias', queries, keys);
  }

  /**
   * `[batch, 1, time, past + time]`: tokens see the row's own past and, causally, this segment, as far back as their
   * window reaches, counted in the row's own tokens.
   */
  #bias(time: number, window: number): Tensor {
    const past = this.#visible[0]!.length;
    const width = past + time;
    const bias = new Float32Array(this.#batch * time * width);
    for (const [r, slots] of this.#visible.entries()) {
      for (let t = 0; t < time; t++) {
        const row = bias.subarray((r * time + t) * width, (r * time + t + 1) * width);
        const oldest = this.#positions[r]! + t + 1 - window;
        let position = 0;
        for (let s = 0; s < past; s++) if (slots[s] === 0 || position++ < oldest) row[s] = unseen;
        row.fill(unseen, past, past + Math.max(0, t + 1 - window));
        row.fill(unseen, past + t + 1);
      }
    }
    return floats(bias, [this.#batch, 1, time, width]);
  }
}

/** The prefix for every row of a batch; without one, a cache of length 0. */
function firstCache(sizes: DecoderSizes, batch: number, prefix: Tensors): Map<string, FloatTensor> {
  const { layers, kvHeads, headDim } = sizes;
  const cache = new Map<string, FloatTensor>();
  for (let layer = 0; layer < layers; layer++) {
    for (const name of Object.values(cacheNames('present', layer))) {
      const one = prefix.get(name);
      const length = one?.dims[2] ?? 0;
      const data = new Float32Array(batch * kvHeads * length * headDim);
      if (one !== undefined) for (let r = 0; r < batch; r++) data.set(one.data as Float32Array, r * one.data.length);
      cache.set(name, floats(data, [batch, kvHeads, length, headDim]));
    }
  }
  return cache;
}
