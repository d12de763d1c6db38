import type { MetricName } from '../result.ts';
import { bleu } from './bleu.ts';
import { calibrationError } from './calibration.ts';
import { chrf } from './chrf.ts';
import { macroF1, matthews } from './classification.ts';
import { bitsPerByte, perplexity } from './likelihood.ts';
import { rougeL, rougeN, tokenF1 } from './overlap.ts';
import { type Judged, meanOf, type RowSums, written } from './rowSums.ts';

/** How a metric is made. */
export interface MetricRule {
  /** Of an arm's rows; `labels` is null for open text. Null where the metric means nothing. */
  readonly sums: (rows: readonly Judged[], labels: readonly string[] | null) => RowSums | null;
  readonly moreIsBetter: boolean;
  /** Whether it is a share of 1, so that a difference of it is spoken of in points of a hundred. */
  readonly share: boolean;
}

/** Of right answers. */
const accuracy = (rows: readonly Judged[]) => meanOf(rows, ({ answer }) => (answer.correct ? 1 : 0));

/** Of greedy texts that are the expected one to the letter, white space at their ends aside. */
const exactMatch = (rows: readonly Judged[]) =>
  meanOf(rows, (row) => (written(row).trim() === row.expected.trim() ? 1 : 0));

/** Every metric. */
export const metricRules = {
  accuracy: { sums: accuracy, moreIsBetter: true, share: true },
  f1: { sums: macroF1, moreIsBetter: true, share: true },
  mcc: { sums: matthews, moreIsBetter: true, share: false },
  ece: { sums: calibrationError, moreIsBetter: false, share: true },
  exact_match: { sums: exactMatch, moreIsBetter: true, share: true },
  token_f1: { sums: tokenF1, moreIsBetter: true, share: true },
  rouge1: { sums: rougeN(1), moreIsBetter: true, share: true },
  rouge2: { sums: rougeN(2), moreIsBetter: true, share: true },
  rougeL: { sums: rougeL, moreIsBetter: true, share: true },
  bleu: { sums: bleu, moreIsBetter: true, share: false },
  chrf: { sums: chrf, moreIsBetter: true, share: false },
  perplexity: { sums: perplexity, moreIsBetter: false, share: false },
  bits_per_byte: { sums: bitsPerByte, moreIsBetter: false, share: false },
} satisfies Record<MetricName, MetricRule>;
