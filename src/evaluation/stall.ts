import type { EvaluationResult } from './result.ts';

/**
 * A sentence for each arm that shows no more than which answer is the most common one: it always answers the same, or is right in
 * exactly as many rows as the most common label alone would be. None where all rows have one answer.
 */
export function stalledArms({
  arms,
  rows,
  labels,
}: Pick<EvaluationResult, 'arms' | 'rows' | 'labels'>): readonly string[] {
  const common = mostCommon(rows.map(({ expected }) => expected));
  if (common === null || common.count === rows.length) return [];
  const share = `${((100 * common.count) / rows.length).toFixed(1)} %`;
  return arms.flatMap(({ name }) => {
    const answers = rows.map((row) => row.answers[name]!);
    const own = mostCommon(answers.map(({ text }) => text))!;
    const right = answers.filter(({ correct }) => correct).length;
    if (own.count === rows.length) {
      return [`${name} answers ${JSON.stringify(own.text)} to every row: it tells nothing apart.`];
    }
    if (labels === null || right !== common.count) return [];
    return [
      `${name} is right in as many rows as always answering ${JSON.stringify(common.text)} would be (${share}): that may be all it does.`,
    ];
  });
}

function mostCommon(texts: readonly string[]): { readonly text: string; readonly count: number } | null {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  let most: { text: string; count: number } | null = null;
  for (const [text, count] of counts) if (most === null || count > most.count) most = { text, count };
  return most;
}
