import { ngrams, overlapOf } from './ngrams.ts';
import { type Judged, type RowSums, rowSums, written } from './rowSums.ts';

/** Longest n-gram. */
const longest = 4;

/** What mteval-v13a.pl, and so sacrebleu's default `13a`, splits a text into. */
export function words13a(text: string): readonly string[] {
  const plain = text
    .trimEnd()
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  return ` ${plain} `
    .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ')
    .split(/\s+/)
    .filter(Boolean);
}

/** What a text adds to BLEU: common and all n-grams for n of 1 to 4, its length and that of the reference nearest to it. */
export function bleuSums(text: string, references: readonly string[]): readonly number[] {
  const found = words13a(text);
  const expected = references.map(words13a);
  const sums: number[] = [];
  for (let n = 1; n <= longest; n++) {
    const most = new Map<string, number>();
    for (const words of expected) {
      for (const [gram, count] of ngrams(words, n)) most.set(gram, Math.max(count, most.get(gram) ?? 0));
    }
    sums.push(overlapOf(ngrams(found, n), most), Math.max(0, found.length - n + 1));
  }
  const lengths = expected.map(({ length }) => length);
  const nearest = lengths.reduce((best, length) => {
    const [a, b] = [Math.abs(length - found.length), Math.abs(best - found.length)];
    return a < b || (a === b && length < best) ? length : best;
  });
  return [...sums, found.length, nearest];
}

/**
 * BLEU, 0 to 100, of such sums: Papineni et al., https://aclanthology.org/P02-1040, an n-gram order without a match counted as
 * 1/2, 1/4 ... of one (`exp`); sacrebleu's corpus_bleu by default (Post, https://aclanthology.org/W18-6319).
 */
export function bleuScore(sums: Float64Array): number {
  const [found, expected] = [sums[2 * longest]!, sums[2 * longest + 1]!];
  let logarithms = 0;
  let smoothing = 1;
  for (let n = 0; n < longest; n++) {
    const [common, all] = [sums[2 * n]!, sums[2 * n + 1]!];
    if (all === 0) return 0;
    if (n === 0 && common === 0) return 0;
    if (common === 0) smoothing *= 2;
    logarithms += Math.log(common === 0 ? 1 / (smoothing * all) : common / all) / longest;
  }
  const brevity = found < expected ? 1 - expected / found : 0;
  return 100 * Math.exp(brevity + logarithms);
}

/** BLEU of what an arm wrote. */
export function bleu(rows: readonly Judged[]): RowSums {
  const add = (row: Judged, into: Float64Array) => into.set(bleuSums(written(row), [row.expected]));
  return rowSums(2 * longest + 2, rows, add, bleuScore);
}
