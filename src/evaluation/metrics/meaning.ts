import type { MetricName } from '../result.ts';

/** What a metric is called, and which way it is good. */
export interface MetricMeaning {
  /** A heading. */
  readonly title: string;
  readonly moreIsBetter: boolean;
}

/** Of every metric. */
export const metricMeanings = {
  accuracy: { title: 'Accuracy', moreIsBetter: true },
  f1: { title: 'Macro-F1', moreIsBetter: true },
  mcc: { title: 'MCC', moreIsBetter: true },
  ece: { title: 'ECE', moreIsBetter: false },
  exact_match: { title: 'Exact match', moreIsBetter: true },
  token_f1: { title: 'Token F1', moreIsBetter: true },
  rouge1: { title: 'ROUGE-1', moreIsBetter: true },
  rouge2: { title: 'ROUGE-2', moreIsBetter: true },
  rougeL: { title: 'ROUGE-L', moreIsBetter: true },
  bleu: { title: 'BLEU', moreIsBetter: true },
  chrf: { title: 'chrF', moreIsBetter: true },
  perplexity: { title: 'Perplexity', moreIsBetter: false },
  bits_per_byte: { title: 'Bits/byte', moreIsBetter: false },
} satisfies Record<MetricName, MetricMeaning>;
