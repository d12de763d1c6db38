import { encodePrompt } from '../data/templatedExample.ts';
import { normalise, scoreAnswers } from '../inference/choose.ts';
import { continueReading } from '../inference/generate.ts';
import type { AttachedModel } from '../inference/languageModel.ts';
import { Reading } from '../inference/reading.ts';
import { meanLoss, scoreRows } from '../inference/score.ts';
import type { Choices } from './questions.ts';

/** A model's answer to a piece of text: a label of a closed set, or a continuation. */
export type TextAnswer =
  | {
      readonly kind: 'label';
      readonly label: string;
      readonly probability: number;
      /** All labels, most likely first. */
      readonly ranked: readonly { readonly label: string; readonly probability: number }[];
    }
  | {
      readonly kind: 'text';
      readonly continuation: string;
      /** Of the prompt itself, to the model: how familiar it is. */
      readonly perplexity: number;
    };

/** Answers one prompt. */
export async function answerPrompt(
  attached: AttachedModel,
  prompt: string,
  choices: Choices | null,
  maxNewTokens: number,
  signal: AbortSignal,
): Promise<TextAnswer> {
  const { tokenizer } = attached.language;
  const ids = encodePrompt(tokenizer, prompt);
  const reading = await Reading.of(attached, [ids]);
  if (choices !== null) {
    const [scores] = await scoreAnswers(reading, choices.tokens, signal);
    const probabilities = normalise(scores!);
    const ranked = choices.labels
      .map((label, i) => ({ label, probability: probabilities[i]! }))
      .sort((a, b) => b.probability - a.probability);
    return { kind: 'label', ...ranked[0]!, ranked };
  }
  const stopIds = tokenizer.eosTokenIds;
  const [written] = await continueReading(reading, { maxNewTokens, stopIds, sampling: null, signal });
  let perplexity = Number.NaN;
  for await (const [scored] of scoreRows(attached, [{ inputIds: ids, labels: ids }], signal)) {
    perplexity = Math.exp(meanLoss(scored!.score));
  }
  return { kind: 'text', continuation: tokenizer.decode(written!, { skipSpecialTokens: true }), perplexity };
}
