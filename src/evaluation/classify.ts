import { normalise } from '../inference/choose.ts';
import type { AttachedModel } from '../inference/languageModel.ts';
import { scoreRows } from '../inference/score.ts';

/** Probabilities of the classes `[classes]` of each prompt, in classification. */
export async function classProbabilities(
  attached: AttachedModel,
  prompts: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<readonly Float64Array[]> {
  const found: Float64Array[] = [];
  // Only the logits are looked at: any class will do as the label.
  const rows = prompts.map((inputIds) => ({ inputIds, labels: [0] }));
  for await (const batch of scoreRows(attached, rows, signal)) {
    for (const { index, logits } of batch) found[index] = normalise(Float64Array.from(logits!));
  }
  return found;
}
