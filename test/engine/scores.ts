import type { AttachedModel } from '../../src/inference/languageModel.ts';
import { type RowScore, scoreRows } from '../../src/inference/score.ts';
import type { LabelledRow } from '../../src/models/labelledRow.ts';

/** The scores of rows in their order. */
export async function scoresOf(attached: AttachedModel, rows: readonly LabelledRow[]): Promise<readonly RowScore[]> {
  const scores: RowScore[] = [];
  for await (const batch of scoreRows(attached, rows, new AbortController().signal)) {
    for (const { index, score } of batch) scores[index] = score;
  }
  return scores;
}
