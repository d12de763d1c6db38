import type { ArmResult, MetricName, RowAnswer } from './result.ts';

/** A row's expected answer with what an arm answered. */
export interface Judged {
  readonly expected: string;
  readonly answer: RowAnswer;
}

/** counts[expected][answered]; answers outside the labels fall into the last column. */
export function confusionMatrix(
  rows: readonly Judged[],
  labels: readonly string[],
): NonNullable<ArmResult['confusion']> {
  const counts = labels.map(() => new Array<number>(labels.length + 1).fill(0));
  for (const { expected, answer } of rows) {
    const answered = labels.indexOf(answer.text);
    counts[labels.indexOf(expected)]![answered < 0 ? labels.length : answered]!++;
  }
  return { labels, counts };
}

/** Share of right answers. */
export function accuracy(rows: readonly Judged[]): number {
  return rows.filter(({ answer }) => answer.correct).length / rows.length;
}

/** Unweighted mean of the labels' F1 scores; a label that is neither expected nor answered counts 0, as in scikit-learn. */
export function macroF1({ labels, counts }: NonNullable<ArmResult['confusion']>): number {
  const scores = labels.map((_, i) => {
    const hits = counts[i]![i]!;
    const expected = counts[i]!.reduce((a, b) => a + b, 0);
    const answered = counts.reduce((sum, row) => sum + row[i]!, 0);
    return expected + answered === 0 ? 0 : (2 * hits) / (expected + answered);
  });
  return scores.reduce((a, b) => a + b, 0) / labels.length;
}

/** Share of rows whose greedy text is the expected one to the letter, white space at its ends aside. */
export function exactMatch(rows: readonly Judged[]): number {
  const written = ({ answer }: Judged) => (answer.greedy ?? answer.text).trim();
  return rows.filter((row) => written(row) === row.expected.trim()).length / rows.length;
}

/** exp of the mean loss over all target tokens; null where no target could be scored. */
export function perplexity(rows: readonly Judged[]): number | null {
  let loss = 0;
  let tokens = 0;
  for (const { answer } of rows) {
    if (answer.target_tokens === 0) continue;
    loss += answer.target_loss * answer.target_tokens;
    tokens += answer.target_tokens;
  }
  return tokens === 0 ? null : Math.exp(loss / tokens);
}

/** Each metric from an arm's rows; `confusion` is null for open text, where some metrics mean nothing. */
export const metricRules = {
  accuracy,
  f1: (_, confusion) => (confusion === null ? null : macroF1(confusion)),
  exact_match: exactMatch,
  perplexity,
} satisfies Record<MetricName, (rows: readonly Judged[], confusion: ArmResult['confusion']) => number | null>;
