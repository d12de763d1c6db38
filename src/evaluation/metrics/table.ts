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
  /** Whether a row is right, for a metric that is the share of right rows; others have no such thing. */
  readonly right?: (row: Judged) => boolean;
  /** Whether it is a share of 1, so that a difference of it is spoken of in points of a hundred. */
  readonly share: boolean;
}

/** Whether the answer counts as right. */
const correct = ({ answer }: Judged) => answer.correct;

/** Whether the greedy text is the expected one to the letter, white space at their ends aside. */
const exact = (row: Judged) => written(row).trim() === row.expected.trim();

/** The share of rows that are right. */
function shareOf(right: (row: Judged) => boolean): MetricRule {
  return { sums: (rows) => meanOf(rows, (row) => Number(right(row))), right, share: true };
}

/** Every metric. */
export const metricRules = {
  accuracy: shareOf(correct),
  f1: { sums: macroF1, share: true },
  mcc: { sums: matthews, share: false },
  ece: { sums: calibrationError, share: true },
  exact_match: shareOf(exact),
  token_f1: { sums: tokenF1, share: true },
  rouge1: { sums: rougeN(1), share: true },
  rouge2: { sums: rougeN(2), share: true },
  rougeL: { sums: rougeL, share: true },
  bleu: { sums: bleu, share: false },
  chrf: { sums: chrf, share: false },
  perplexity: { sums: perplexity, share: false },
  bits_per_byte: { sums: bitsPerByte, share: false },
} satisfies Record<MetricName, MetricRule>;
