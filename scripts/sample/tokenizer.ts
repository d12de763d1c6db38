/** A byte-level BPE tokenizer as GPT-2 has it: training, encoding, and Hugging Face's files. */

/** A trained tokenizer: tokens by id, and the merges in the order they were learned. */
export interface BytePairs {
  /** Special tokens, then the 256 bytes, then one token for each merge; in the byte alphabet. */
  readonly tokens: readonly string[];
  readonly special: readonly string[];
  readonly merges: readonly (readonly [string, string])[];
}

/** GPT-2's split of a text into pieces that no merge crosses. */
const pieces = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** GPT-2's printable character for each byte: itself where it is visible, else one from U+0100 on. */
export const byteAlphabet: readonly string[] = (() => {
  const visible = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(visible(byte) ? byte : next++));
})();

function symbolsOf(piece: string): string[] {
  return Array.from(new TextEncoder().encode(piece), (byte) => byteAlphabet[byte] as string);
}

/** `symbols` with every neighbouring `left`, `right` made one, from the left. */
function merged(symbols: readonly string[], left: string, right: string): string[] {
  const result: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) {
      result.push(left + right);
      i++;
    } else {
      result.push(symbols[i] as string);
    }
  }
  return result;
}

/**
 * Learns merges until there are `size` tokens: each time the most frequent neighbouring pair, of equally frequent ones
 * the first in code-unit order. Throws when the texts have too few pairs.
 */
export function trainBytePairs(texts: Iterable<string>, size: number, special: readonly string[]): BytePairs {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const piece of text.match(pieces) ?? []) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  }
  const corpus = Array.from(counts, ([piece, count]) => ({ symbols: symbolsOf(piece), count }));
  const tokens = [...special, ...byteAlphabet];
  const merges: [string, string][] = [];
  while (tokens.length < size) {
    const pairs = new Map<string, number>();
    for (const { symbols, count } of corpus) {
      for (let i = 1; i < symbols.length; i++) {
        const pair = `${symbols[i - 1]} ${symbols[i]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + count);
      }
    }
    let best = '';
    for (const [pair, count] of pairs) {
      const lead = count - (pairs.get(best) ?? 0);
      if (lead > 0 || (lead === 0 && pair < best)) best = pair;
    }
    if (best === '') throw new Error(`the texts have pairs for ${tokens.length} tokens only`);
    const [left, right] = best.split(' ') as [string, string];
    merges.push([left, right]);
    tokens.push(left + right);
    for (const entry of corpus) entry.symbols = merged(entry.symbols, left, right);
  }
  return { tokens, special, merges };
}

/** The ids of a text without special tokens: in each piece the earliest learned merge first. */
export function encoderOf({ tokens, merges }: BytePairs): (text: string) => number[] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const ranks = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
  const encodePiece = (piece: string): number[] => {
    let symbols = symbolsOf(piece);
    for (;;) {
      const open = symbols.slice(1).map((right, i) => ranks.get(`${symbols[i]} ${right}`) ?? Number.POSITIVE_INFINITY);
      const [left, right] = merges[Math.min(...open)] ?? [];
      if (left === undefined || right === undefined) return symbols.map((symbol) => ids.get(symbol) as number);
      symbols = merged(symbols, left, right);
    }
  };
  return (text) => (text.match(pieces) ?? []).flatMap(encodePiece);
}

/** The content of tokenizer.json. */
export function tokenizerJson({ tokens, special, merges }: BytePairs): object {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}
