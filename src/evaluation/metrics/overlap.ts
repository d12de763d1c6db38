import { ngrams, overlapOf } from './ngrams.ts';
import { type Judged, meanOf, type RowSums, written } from './rowSums.ts';

/** 2 p r / (p + r) of what is common to two lists of so many. */
function fMeasure(common: number, found: number, expected: number): number {
  return common === 0 ? 0 : (2 * common) / (found + expected);
}

/** Words as SQuAD's evaluate-v1.1.py compares them: without case, ASCII punctuation and articles. */
function squadWords(text: string): readonly string[] {
  const bare = text.toLowerCase().replace(/[!-/:-@[-`{-~]/g, '');
  return bare
    .replace(/(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu, ' ')
    .split(/\s+/)
    .filter(Boolean);
}

/** F1 of common words, mean over the rows; SQuAD's (Rajpurkar et al., https://arxiv.org/abs/1606.05250, section 6.1). */
export function tokenF1(rows: readonly Judged[]): RowSums {
  return meanOf(rows, (row) => {
    const [found, expected] = [squadWords(written(row)), squadWords(row.expected)];
    return fMeasure(overlapOf(ngrams(found, 1), ngrams(expected, 1)), found.length, expected.length);
  });
}

/** Words as Google's rouge_score splits them without its stemmer: runs of ASCII letters and digits in lower case. */
function rougeWords(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
}

/** ROUGE-N's F-measure of common n-grams, mean over the rows: Lin, https://aclanthology.org/W04-1013, as in rouge_score. */
export function rougeN(n: number): (rows: readonly Judged[]) => RowSums {
  return (rows) =>
    meanOf(rows, (row) => {
      const [found, expected] = [ngrams(rougeWords(written(row)), n), ngrams(rougeWords(row.expected), n)];
      const count = (grams: ReadonlyMap<string, number>) => [...grams.values()].reduce((sum, times) => sum + times, 0);
      return fMeasure(overlapOf(found, expected), count(found), count(expected));
    });
}

/** ROUGE-L: the same of the longest common subsequence of words, a text taken as one sentence. */
export function rougeL(rows: readonly Judged[]): RowSums {
  return meanOf(rows, (row) => {
    const [found, expected] = [rougeWords(written(row)), rougeWords(row.expected)];
    return fMeasure(commonSubsequence(found, expected), found.length, expected.length);
  });
}

/** Length of the longest common subsequence. */
function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  let before = new Uint32Array(b.length + 1);
  for (const word of a) {
    const now = new Uint32Array(b.length + 1);
    for (const [j, other] of b.entries())
      now[j + 1] = word === other ? before[j]! + 1 : Math.max(now[j]!, before[j + 1]!);
    before = now;
  }
  return before[b.length]!;
}
