import { ngrams, overlapOf } from './ngrams.ts';
import { type Judged, type RowSums, rowSums, written } from './rowSums.ts';

/** Longest n-gram of characters, and how much more recall counts than precision: sacrebleu's chrF2. */
const [longest, recallWeight] = [6, 2];

/** What a text adds to chrF: for n of 1 to 6 its n-grams, the reference's and the common ones, white space left out. */
export function chrfSums(text: string, reference: string): readonly number[] {
  const [found, expected] = [text, reference].map((each) => [...each.replace(/\s+/g, '')]) as [string[], string[]];
  return Array.from({ length: longest }, (_, i) => {
    const n = i + 1;
    const inReference = Math.max(0, expected.length - n + 1);
    // sacrebleu counts a text's n-grams only where the reference has any.
    const inText = inReference === 0 ? 0 : Math.max(0, found.length - n + 1);
    return [inText, inReference, overlapOf(ngrams(found, n), ngrams(expected, n))];
  }).flat();
}

/**
 * chrF, 0 to 100, of such sums: Popović, https://aclanthology.org/W15-3049; precision and recall are means over the orders that both
 * sides have, as in sacrebleu's corpus_chrf.
 */
export function chrfScore(sums: Float64Array, beta = recallWeight): number {
  let [precision, recall, orders] = [0, 0, 0];
  for (let at = 0; at < sums.length; at += 3) {
    const [found, expected, common] = [sums[at]!, sums[at + 1]!, sums[at + 2]!];
    if (found === 0 || expected === 0) continue;
    precision += common / found;
    recall += common / expected;
    orders++;
  }
  if (precision + recall === 0) return 0;
  const weight = beta ** 2;
  return (100 * (1 + weight) * precision * recall) / (weight * precision + recall) / orders;
}

/** chrF of what an arm wrote. */
export function chrf(rows: readonly Judged[]): RowSums {
  const add = (row: Judged, into: Float64Array) => into.set(chrfSums(written(row), row.expected));
  return rowSums(3 * longest, rows, add, (sums) => chrfScore(sums));
}
