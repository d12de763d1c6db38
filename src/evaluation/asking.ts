import { setImmediate } from 'node:timers/promises';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { normalise, scoreAnswers } from '../inference/choose.ts';
import { continueReading } from '../inference/generate.ts';
import type { AttachedModel, LanguageModel } from '../inference/languageModel.ts';
import { checkLength, Reading } from '../inference/reading.ts';
import { meanLoss } from '../inference/score.ts';
import { type MethodShape, positionsTaken } from '../methods/method.ts';
import { classProbabilities } from './classify.ts';
import type { Choices, Question } from './questions.ts';
import type { RowAnswer } from './result.ts';
import { untilAborted } from './untilAborted.ts';

/** Questions, and what an answer to them can be. */
export interface Asking {
  readonly language: LanguageModel;
  readonly questions: readonly Question[];
  /** Null for open text. */
  readonly choices: Choices | null;
  readonly maxNewTokens: number;
  /** How open text is written; null for greedy. Labels are ranked, not drawn. */
  readonly sampling: AnswerSampling | null;
}

/** Draws of open text: the same for a row in every arm, whatever rows stand beside it. */
export interface AnswerSampling {
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
}

/** Rows that go through the model together. */
const batchRows = 16;

/** A choice's greedy text may be this much longer than the longest label, so that a wrong form shows. */
const greedyExtra = 4;

/** Questions that are rendered between two looks at what else is to do, such as cancelling. */
const renderedAtOnce = 64;

/** What the questions are for a reader: the tokens that stand before each answer. */
export async function promptsOf(
  { questions }: Asking,
  read: (question: Question) => readonly number[],
  signal: AbortSignal,
): Promise<readonly (readonly number[])[]> {
  const prompts: (readonly number[])[] = [];
  for (const [i, question] of questions.entries()) {
    if (i % renderedAtOnce === 0) await setImmediate();
    stopIf(signal);
    prompts.push(read(question));
  }
  return prompts;
}

/**
 * Holds prompts and what should be written after them against the positions of the model.
 * @throws SoftpromptError prompt-length for a question that it has no room for
 */
export function checkRoom(
  { questions, language }: Asking,
  method: Pick<MethodShape, 'virtualTokens' | 'suffixTokens'>,
  prompts: readonly (readonly number[])[],
  arm?: string,
): void {
  const { maxPositions } = language.model.architecture.sizes;
  for (const [i, { targetIds, index }] of questions.entries()) {
    const after = positionsTaken(method) + targetIds.length - 1;
    checkLength(prompts[i]!.length, after, maxPositions, { row: index + 1, ...(arm !== undefined && { arm }) });
  }
}

/**
 * Answers every question that `known` has no answer to, rows of like length together; yields each batch. Once `signal` is
 * aborted it throws at once, whatever the model is still busy with.
 * @throws SoftpromptError cancelled; prompt-length for a question that the model has no room for
 */
export async function* askAll(
  asking: Asking,
  attached: AttachedModel,
  prompts: readonly (readonly number[])[],
  known: ReadonlyMap<number, RowAnswer>,
  signal: AbortSignal,
): AsyncGenerator<ReadonlyMap<number, RowAnswer>, void> {
  const { questions } = asking;
  checkRoom(asking, attached.method, prompts);
  const order = questions.map((_, i) => i).sort((a, b) => prompts[a]!.length - prompts[b]!.length);
  for (let at = 0; at < order.length; at += batchRows) {
    const batch = order.slice(at, at + batchRows).filter((i) => !known.has(i));
    if (batch.length === 0) continue;
    const rows = batch.map((i) => ({ question: questions[i]!, prompt: prompts[i]! }));
    const given = await untilAborted(signal, answerBatch(asking, attached, rows, signal));
    yield new Map(batch.map((i, j) => [i, given[j]!] as const));
  }
}

async function answerBatch(
  { language, choices, maxNewTokens, sampling }: Asking,
  attached: AttachedModel,
  batch: readonly { readonly question: Question; readonly prompt: readonly number[] }[],
  signal: AbortSignal,
): Promise<readonly RowAnswer[]> {
  if (language.model.task === 'seq_cls') return classifyBatch(choices!, attached, batch, signal);
  const reading = await Reading.of(
    attached,
    batch.map(({ prompt }) => prompt),
  );
  stopIf(signal);
  const losses = (await reading.score(batch.map(({ question }) => question.targetIds))).map((score, i) => {
    const { targetIds } = batch[i]!.question;
    return {
      ...{ target_loss: meanLoss(score), target_tokens: score.length },
      ...(language.hasTokenizer && { target_bytes: Buffer.byteLength(decode(language, targetIds)) }),
    };
  });
  stopIf(signal);
  const longest = Math.max(...(choices?.tokens ?? []).map((tokens) => tokens.length));
  const written = await continueReading(reading, {
    maxNewTokens: choices === null ? maxNewTokens : Math.min(maxNewTokens, longest + greedyExtra),
    stopIds: language.hasTokenizer ? language.tokenizer.eosTokenIds : [],
    sampling:
      sampling === null || choices !== null
        ? null
        : batch.map(({ question }) => ({ ...sampling, random: Random.of(sampling.seed, `answer ${question.index}`) })),
    signal,
  });
  const texts = written.map((ids, i) => firstLine(decode(language, ids), batch[i]!.question.expected));
  if (choices === null) {
    return texts.map((text, i) => ({
      ...{ text, correct: text === batch[i]!.question.expected, probability: null },
      ...losses[i]!,
    }));
  }
  const scores = await scoreAnswers(reading, choices.tokens, signal);
  return scores.map((score, i) => {
    const best = score.indexOf(Math.max(...score));
    const text = choices.labels[best]!;
    const correct = text === batch[i]!.question.expected;
    const probabilities = [...normalise(score)];
    return { text, correct, probability: probabilities[best]!, probabilities, ...losses[i]!, greedy: texts[i]! };
  });
}

function stopIf(signal: AbortSignal): void {
  if (signal.aborted) throw new SoftpromptError('cancelled', {});
}

/** A classifier's answers. */
async function classifyBatch(
  { labels }: Choices,
  attached: AttachedModel,
  batch: readonly { readonly question: Question; readonly prompt: readonly number[] }[],
  signal: AbortSignal,
): Promise<readonly RowAnswer[]> {
  const found = await classProbabilities(
    attached,
    batch.map(({ prompt }) => prompt),
    signal,
  );
  return found.map((probabilities, i) => {
    const { expected, targetIds } = batch[i]!.question;
    const best = probabilities.indexOf(Math.max(...probabilities));
    const text = labels[best]!;
    const target_loss = -Math.log(probabilities[targetIds[0]!]!);
    const said = { probability: probabilities[best]!, probabilities: [...probabilities] };
    return { text, correct: text === expected, ...said, target_loss, target_tokens: 1 };
  });
}

/** Text of generated tokens; the ids themselves for a model without a tokenizer. */
function decode(language: LanguageModel, ids: readonly number[]): string {
  return language.hasTokenizer ? language.tokenizer.decode(ids, { skipSpecialTokens: true }) : ids.join(' ');
}

/** An answer ends with its line, unless the expected one has several: a model that never learnt to stop is judged by what it says first. */
function firstLine(text: string, expected: string): string {
  const trimmed = text.trim();
  return expected.includes('\n') ? trimmed : trimmed.split('\n')[0]!.trimEnd();
}
