/** How examples are put into batches. */
export interface BatchPlan {
  /** Length of each example, tokens. */
  readonly lengths: readonly number[];
  readonly batchSize: number;
  /** Draws uniformly from [0, 1); the order is a function of its draws alone. Not asked without `shuffle`. */
  readonly random: () => number;
  /** false: consecutive examples in their order, around and around. */
  readonly shuffle: boolean;
}

/** Batches that are sorted by length together: large enough for near-equal lengths, small enough to stay random. */
const windowBatches = 50;

/**
 * The batches of one epoch after another, without end; a batch is a list of indices into `lengths`.
 *
 * Shuffled, every epoch has each example once, in batches of near-equal length (the last may be smaller): a random
 * order, cut into windows, each sorted by length, cut into batches, which come in a random order. Not shuffled, all
 * batches are full, and one that reaches the end of the examples goes on with the first.
 */
export function* planBatches(plan: BatchPlan): Generator<readonly number[], never> {
  const { lengths, batchSize, random, shuffle } = plan;
  const indices = lengths.map((_, i) => i);
  if (indices.length === 0) throw new RangeError('no examples to put into batches');
  if (!shuffle) {
    for (let at = 0; ; at += batchSize) {
      yield Array.from({ length: batchSize }, (_, i) => (at + i) % indices.length);
    }
  }
  for (;;) {
    const order = shuffled(indices, random);
    const batches: (readonly number[])[] = [];
    for (let start = 0; start < order.length; start += windowBatches * batchSize) {
      // A stable sort of a random order: examples of the same length stay in random order.
      const window = order.slice(start, start + windowBatches * batchSize);
      window.sort((a, b) => (lengths[a] as number) - (lengths[b] as number));
      for (let i = 0; i < window.length; i += batchSize) batches.push(window.slice(i, i + batchSize));
    }
    yield* shuffled(batches, random);
  }
}

/** A copy in random order (Fisher-Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
