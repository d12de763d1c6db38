import { biasTensors, bucketInput, unseen } from '../models/attentionBias.ts';
import { cacheNames } from '../models/decodeGraph.ts';
import type { DecoderSizes } from '../models/decoder.ts';
import { frequencyInputs } from '../models/rotaryTables.ts';
import { floatOutput, type GraphSession } from '../runtime/session.ts';
import { type FloatTensor, floats, integers, type Tensor, type Tensors } from '../runtime/tensor.ts';

/** Gives the beginning of the cache of rows that will have so many positions each. */
export type ReadPrefix = (lengths: readonly number[]) => Promise<Tensors>;

/**
 * Rows that are being decoded together, with their key/value cache. Rows may differ in length: shorter ones leave holes
 * in the cache that are never seen, and positions count a row's own tokens, so a row gives the same numbers in any batch.
 * Where rotation depends on a row's length, keys and values of a row that grows become others: then all rows are read
 * again, so that what the cache gives is always what a pass over the whole row gives.
 */
export class Decoding {
  readonly #session: GraphSession;
  readonly #sizes: DecoderSizes;
  readonly #batch: number;
  readonly #fixed: readonly (readonly [string, Tensor])[];
  readonly #readPrefix: ReadPrefix;
  #cache: Map<string, FloatTensor>;
  /** Which slots of the cache hold a token, by row. */
  #visible: readonly Uint8Array[];
  /** Position of each row's next token. */
  #positions: readonly number[];
  /** Positions that each row has or is expected to have. */
  #lengths: readonly number[];
  /** Each row's tokens so far, where they may have to be read again. */
  #tokens: readonly (readonly number[])[];

  constructor(
    session: GraphSession,
    sizes: DecoderSizes,
    batch: number,
    prefix: Tensors,
    fixed: readonly (readonly [string, Tensor])[],
    readPrefix: ReadPrefix,
  ) {
    this.#session = session;
    this.#sizes = sizes;
    this.#batch = batch;
    this.#fixed = fixed;
    this.#readPrefix = readPrefix;
    this.#cache = firstCache(sizes, batch, prefix);
    const length = this.#cache.values().next().value!.dims[2]!;
    this.#visible = Array.from({ length: batch }, () => new Uint8Array(length).fill(1));
    this.#positions = new Array<number>(batch).fill(length);
    this.#lengths = this.#positions;
    this.#tokens = this.#positions.map(() => []);
  }

  /** Position of each row's next token. */
  get positions(): readonly number[] {
    return this.#positions;
  }

  /** Another decoding of the same rows that goes on from here on its own. */
  fork(): Decoding {
    const copy = new Decoding(this.#session, this.#sizes, this.#batch, new Map(), this.#fixed, this.#readPrefix);
    copy.#goOnFrom(this);
    copy.#lengths = this.#lengths;
    return copy;
  }

  /**
   * Feeds each row's next tokens (at least one a row). Gives logits `[vocabulary]` for each row after its last token or,
   * with `all`, after each of its tokens.
   */
  async advance(tokens: readonly (readonly number[])[], all = false): Promise<readonly (readonly Float32Array[])[]> {
    const again = await this.#grow(tokens.map((row, r) => this.#positions[r]! + row.length));
    const fed = tokens.map((row, r) => [...again[r]!, ...row]);
    return this.#feed(
      fed,
      tokens.map((row) => (all ? row.length : 1)),
    );
  }

  /**
   * Says that the rows will have so many positions. Where that makes other rows of them, gives the logits `[vocabulary]` of
   * each after its last token so far; null where nothing changes.
   */
  async expect(lengths: readonly number[]): Promise<readonly Float32Array[] | null> {
    const again = await this.#grow(lengths);
    if (again[0]!.length === 0) return null;
    const logits = await this.#feed(
      again,
      again.map(() => 1),
    );
    return logits.map(([last]) => last!);
  }

  /** Turns to rows of so many positions; gives each row's tokens that must be read again, all of them or none. */
  async #grow(lengths: readonly number[]): Promise<readonly (readonly number[])[]> {
    const before = this.#lengths;
    this.#lengths = lengths.map((length, r) => Math.max(Math.min(length, this.#sizes.maxPositions), before[r]!));
    const { frequenciesOf = () => null } = this.#sizes;
    const same = (length: number, r: number) =>
      length === before[r] || frequenciesOf(length) === frequenciesOf(before[r]!);
    if (this.#lengths.every(same)) return before.map(() => []);
    const read = this.#tokens;
    const prefix = await this.#readPrefix(this.#lengths);
    this.#goOnFrom(new Decoding(this.#session, this.#sizes, this.#batch, prefix, this.#fixed, this.#readPrefix));
    return read;
  }

  #goOnFrom(other: Decoding): void {
    this.#cache = other.#cache;
    this.#visible = other.#visible;
    this.#positions = other.#positions;
    this.#tokens = other.#tokens;
  }

  /** Runs each row's next tokens; gives logits after so many of the last ones of each. */
  async #feed(
    tokens: readonly (readonly number[])[],
    wanted: readonly number[],
  ): Promise<readonly (readonly Float32Array[])[]> {
    const time = Math.max(...tokens.map((row) => row.length));
    const rows = tokens.flatMap(({ length }, r) =>
      Array.from({ length: wanted[r]! }, (_, i) => r * time + length - wanted[r]! + i),
    );
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
      ...frequencyInputs(this.#sizes, this.#lengths),
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
    this.#positions = this.#positions.map((position, r) => position + tokens[r]!.length);
    if (this.#sizes.frequenciesOf !== undefined) {
      this.#tokens = this.#tokens.map((row, r) => [...row, ...tokens[r]!]);
    }

    const { data, dims } = floatOutput(outputs, 'logits');
    const vocabulary = dims[1]!;
    let at = 0;
    return wanted.map((count) =>
      Array.from({ length: count }, () => data.subarray(at * vocabulary, ++at * vocabulary)),
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

/** The prefix, one for every row of a batch or one for each; without one, a cache of length 0. */
function firstCache(sizes: DecoderSizes, batch: number, prefix: Tensors): Map<string, FloatTensor> {
  const { layers, kvHeads, headDim } = sizes;
  const cache = new Map<string, FloatTensor>();
  for (let layer = 0; layer < layers; layer++) {
    for (const name of Object.values(cacheNames('present', layer))) {
      const one = prefix.get(name);
      const length = one?.dims[2] ?? 0;
      const data = new Float32Array(batch * kvHeads * length * headDim);
      if (one?.dims[0] === batch) data.set(one.data as Float32Array);
      else if (one !== undefined)
        for (let r = 0; r < batch; r++) data.set(one.data as Float32Array, r * one.data.length);
      cache.set(name, floats(data, [batch, kvHeads, length, headDim]));
    }
  }
  return cache;
}
