/** A text of a file. */
export interface PlacedText {
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

/** Two texts that are the same, or nearly. */
export interface TextPair {
  /** Line in the first list. */
  readonly line: number;
  /** Line in the second one. */
  readonly other: number;
  /** Jaccard similarity of their runs of characters; 1 for texts that are the same but for case and white space. */
  readonly similarity: number;
}

/** Characters in a run, and the least similarity of what is nearly the same. */
const [run, least] = [5, 0.8];
/** Bands of so many hashes each: texts that share a whole band are compared. Of pairs at the limit one in 500 is missed. */
const [bands, perBand] = [12, 4];
/** Texts of one band that a text is compared with: more share it only where most of each is the same boilerplate. */
const mostInBand = 50;

/** A text without what does not make it another one: case, white space. */
export function normalised(text: string): string {
  return text.toLowerCase().replace(/\s+/g, ' ').trim();
}

/** The texts of `others` that stand among `texts` too. */
export function sameTexts(texts: readonly PlacedText[], others: readonly PlacedText[]): readonly TextPair[] {
  const exact = linesOf(texts);
  return others.flatMap(({ text, line: other }) => {
    const line = exact.get(normalised(text));
    return line === undefined ? [] : [{ line, other, similarity: 1 }];
  });
}

function linesOf(texts: readonly PlacedText[]): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  for (const { text, line } of texts) if (!lines.has(normalised(text))) lines.set(normalised(text), line);
  return lines;
}

/**
 * For each text of `others` the most similar one of `texts`, where there is one that is the same or nearly: candidates by
 * MinHash in bands (Broder, https://doi.org/10.1109/SEQUEN.1997.666900), each verified. The same lists give the same pairs.
 */
export function commonTexts(texts: readonly PlacedText[], others: readonly PlacedText[]): readonly TextPair[] {
  const exact = linesOf(texts);
  const buckets = bucketsOf(texts);
  const known = new Map<number, ReadonlySet<number>>();
  const knownRuns = (at: number) => {
    const found = known.get(at) ?? runsOf(normalised(texts[at]!.text));
    known.set(at, found);
    return found;
  };
  return others.flatMap(({ text, line: other }) => {
    const plain = normalised(text);
    const line = exact.get(plain);
    if (line !== undefined) return [{ line, other, similarity: 1 }];
    const runs = runsOf(plain);
    let best: TextPair | null = null;
    for (const at of candidates(buckets, signature(runs))) {
      const similarity = jaccard(runs, knownRuns(at));
      if (similarity >= least && similarity > (best?.similarity ?? 0))
        best = { line: texts[at]!.line, other, similarity };
    }
    return best === null ? [] : [best];
  });
}

/** Rows that ask the same and expect something else: one of the two answers is wrong, or chance decides. */
export function conflicts(rows: readonly (PlacedText & { readonly target: string })[]): readonly TextPair[] {
  const first = new Map<string, { readonly line: number; readonly target: string }>();
  return rows.flatMap(({ text, line, target }) => {
    const before = first.get(normalised(text));
    if (before === undefined) first.set(normalised(text), { line, target });
    return before === undefined || before.target === target ? [] : [{ line: before.line, other: line, similarity: 1 }];
  });
}

function runsOf(text: string): ReadonlySet<number> {
  const runs = new Set<number>();
  for (let at = 0; at === 0 || at + run <= text.length; at++) {
    let hash = 0x811c9dc5;
    for (let i = at; i < Math.min(at + run, text.length); i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    runs.add(hash >>> 0);
  }
  return runs;
}

function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let common = 0;
  for (const each of a) if (b.has(each)) common++;
  return common / (a.size + b.size - common);
}

/** The smallest of each hash function's values over a text's runs. */
function signature(runs: ReadonlySet<number>): Uint32Array {
  const smallest = new Uint32Array(bands * perBand).fill(0xffffffff);
  for (const each of runs) {
    for (let h = 0; h < smallest.length; h++) {
      // Odd multipliers make each a permutation of 32-bit numbers; the shift brings the high bits down.
      let value = Math.imul(each ^ (h * 0x9e3779b1), 0x85ebca6b + 2 * h);
      value = Math.imul(value ^ (value >>> 15), 0xc2b2ae35) >>> 0;
      if (value < smallest[h]!) smallest[h] = value;
    }
  }
  return smallest;
}

function* bandKeys(signed: Uint32Array): Generator<string> {
  for (let band = 0; band < bands; band++) {
    yield `${band}:${signed.subarray(band * perBand, (band + 1) * perBand).join()}`;
  }
}

function bucketsOf(texts: readonly PlacedText[]): ReadonlyMap<string, readonly number[]> {
  const buckets = new Map<string, number[]>();
  for (const [at, { text }] of texts.entries()) {
    for (const key of bandKeys(signature(runsOf(normalised(text))))) {
      const bucket = buckets.get(key);
      if (bucket === undefined) buckets.set(key, [at]);
      else if (bucket.length < mostInBand) bucket.push(at);
    }
  }
  return buckets;
}

function candidates(buckets: ReadonlyMap<string, readonly number[]>, signed: Uint32Array): ReadonlySet<number> {
  return new Set([...bandKeys(signed)].flatMap((key) => buckets.get(key) ?? []));
}
