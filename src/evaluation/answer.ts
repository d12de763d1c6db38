import { encodeInput } from '../data/templatedExample.ts';
import { normalise, scoreAnswers } from '../inference/choose.ts';
import { continueReading } from '../inference/generate.ts';
import type { AttachedModel } from '../inference/languageModel.ts';
import { Reading } from '../inference/reading.ts';
import { meanLoss, scoreRows } from '../inference/score.ts';
import { classNames } from '../models/classHead.ts';
import { classProbabilities } from './classify.ts';
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
      /** Of the prompt itself, to the model: how familiar it is. Null for a model that writes another text. */
      readonly perplexity: number | null;
    };

/** A text to be answered. */
export interface Prompt {
  readonly text: string;
  /** Whether it holds its special tokens itself, as what a chat template writes does. */
  readonly whole: boolean;
}

/** Answers one prompt. */
export async function answerPrompt(
  attached: AttachedModel,
  { text, whole }: Prompt,
  choices: Choices | null,
  maxNewTokens: number,
  signal: AbortSignal,
): Promise<TextAnswer> {
  const { tokenizer } = attached.language;
  const { task, config, classifier } = attached.language.model;
  const ids = whole ? tokenizer.encode(text, { addSpecialTokens: false }) : encodeInput(tokenizer, text, task);
  if (classifier !== null) {
    const [probabilities] = await classProbabilities(attached, [ids], signal);
    return ranking(choices?.labels ?? classNames(config, classifier.classes), probabilities!);
  }
  const reading = await Reading.of(attached, [ids]);
  // A classification's labels have no tokens: a model that only writes continues the text.
  if (choices !== null && choices.tokens.length > 0) {
    const [scores] = await scoreAnswers(reading, choices.tokens, signal);
    return ranking(choices.labels, normalise(scores!));
  }
  const stopIds = tokenizer.eosTokenIds;
  const [written] = await continueReading(reading, { maxNewTokens, stopIds, sampling: null, signal });
  let perplexity: number | null = null;
  // A model that writes another text says nothing of how familiar its prompt is.
  const familiar = task === 'causal_lm' ? [{ inputIds: ids, labels: ids }] : [];
  for await (const [scored] of scoreRows(attached, familiar, signal)) perplexity = Math.exp(meanLoss(scored!.score));
  return { kind: 'text', continuation: tokenizer.decode(written!, { skipSpecialTokens: true }), perplexity };
}

/** All labels, most likely first, and the first of them. */
function ranking(labels: readonly string[], probabilities: Float64Array): TextAnswer {
  const ranked = labels
    .map((label, i) => ({ label, probability: probabilities[i]! }))
    .sort((a, b) => b.probability - a.probability);
  return { kind: 'label', ...ranked[0]!, ranked };
}
