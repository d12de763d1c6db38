import type { DataRow } from '../data/dataRow.ts';
import type { Template } from '../data/template.ts';
import { encodeInput } from '../data/templatedExample.ts';
import { normalise, scoreAnswers } from '../inference/choose.ts';
import { continueReading } from '../inference/generate.ts';
import type { AttachedModel, LanguageModel } from '../inference/languageModel.ts';
import { checkLength, Reading } from '../inference/reading.ts';
import { meanLoss } from '../inference/score.ts';
import type { StoredAdapter } from '../methods/adapter.ts';
import { positionsTaken } from '../methods/method.ts';
import { classProbabilities } from './classify.ts';
import { chooseShots, type HardPrompt, hardPromptText } from './hardPrompts.ts';
import { confusionMatrix, metricRules } from './metrics.ts';
import type { Choices, Question } from './questions.ts';
import type { ArmResult, EvaluationProgress, EvaluationResult, MetricName, RowAnswer, RowResult } from './result.ts';

/** What is compared on which rows. */
export interface EvaluationSetup {
  readonly language: LanguageModel;
  readonly questions: readonly Question[];
  /** Null for open text. */
  readonly choices: Choices | null;
  readonly metrics: readonly MetricName[];
  readonly adapters: readonly { readonly label: string; readonly dir: string; readonly adapter: StoredAdapter }[];
  /** Hard prompts, with what they need of the experiment; none for rows that are already tokenised. */
  readonly hardPrompts: readonly HardPrompt[];
  readonly target: Template | null;
  /** Rows that shots are drawn from. */
  readonly trainRows: readonly DataRow[];
  readonly maxNewTokens: number;
  readonly seed: number;
  /** Milliseconds of a clock. */
  readonly now: () => number;
}

/** The arms' figures and every row's answers. */
export type EvaluationOutcome = Pick<EvaluationResult, 'mode' | 'labels' | 'metrics' | 'arms' | 'rows'>;

/** One arm: a model with or without an adapter, and what it reads for a row. */
interface Arm extends Pick<ArmResult, 'name' | 'kind' | 'detail' | 'bytes' | 'trainable_parameters'> {
  readonly adapter: StoredAdapter | null;
  readonly read: (question: Question) => readonly number[];
}

/** Rows that go through the model together. */
const batchRows = 16;

/** A choice's greedy text may be this much longer than the longest label, so that a wrong form shows. */
const greedyExtra = 4;

/** Runs every arm on the same rows, greedily; yields how far it is and returns the figures. */
export async function* evaluate(
  setup: EvaluationSetup,
  signal: AbortSignal,
): AsyncGenerator<EvaluationProgress, EvaluationOutcome> {
  const { questions, choices, metrics, now } = setup;
  const arms = armsOf(setup);
  const results: ArmResult[] = [];
  const answers: Map<string, readonly RowAnswer[]> = new Map();
  for (const [armIndex, arm] of arms.entries()) {
    const began = now();
    const attached = await setup.language.attach(arm.adapter);
    const given: RowAnswer[] = [];
    for await (const done of answerAll(setup, arm, attached, given, signal)) {
      yield { arm: arm.name, armIndex, arms: arms.length, row: done, rows: questions.length };
    }
    answers.set(arm.name, given);
    const judged = questions.map(({ expected }, i) => ({ expected, answer: given[i]! }));
    const confusion = choices === null ? null : confusionMatrix(judged, choices.labels);
    const base = answers.get(arms[0]!.name)!;
    const { name, kind, detail, bytes, trainable_parameters } = arm;
    results.push({
      ...{ name, kind, detail, bytes, trainable_parameters },
      metrics: Object.fromEntries(metrics.map((metric) => [metric, metricRules[metric](judged, confusion)])),
      confusion,
      wins: given.filter((answer, i) => answer.correct && !base[i]!.correct).length,
      losses: given.filter((answer, i) => !answer.correct && base[i]!.correct).length,
      seconds: (now() - began) / 1000,
    });
  }
  const rows: RowResult[] = questions.map(({ index, input, expected }, i) => ({
    ...{ index, input, expected },
    answers: Object.fromEntries(arms.map(({ name }) => [name, answers.get(name)![i]!])),
  }));
  return { mode: choices === null ? 'text' : 'choice', labels: choices?.labels ?? null, metrics, arms: results, rows };
}

function armsOf({ language, adapters, hardPrompts, target, trainRows, seed }: EvaluationSetup): readonly Arm[] {
  const none = { adapter: null, bytes: 0, trainable_parameters: 0 };
  const asIs = (question: Question) => question.inputIds;
  return [
    // A base model whose classifier is still to be trained has nothing to say.
    ...(language.model.untrained.length > 0
      ? []
      : [{ name: 'base', kind: 'base', detail: null, read: asIs, ...none } as const]),
    ...hardPrompts.map((hard): Arm => {
      const shots = hard.shots === 0 ? [] : chooseShots(trainRows, target!, hard.shots, seed);
      return {
        name: hard.name,
        kind: 'hard_prompt',
        detail: hard.prompt.source,
        read: ({ values }) =>
          encodeInput(language.tokenizer, hardPromptText(hard, target!, shots, values!), language.model.task),
        ...none,
      };
    }),
    ...adapters.map(({ label, dir, adapter }): Arm => {
      const parameters = [...adapter.tensors.values()].reduce((n, data) => n + data.length, 0);
      return {
        ...{ name: label, kind: 'adapter', detail: dir, read: asIs, adapter },
        ...{ bytes: adapter.bytes, trainable_parameters: parameters },
      };
    }),
  ];
}

/** Fills `answers` in the order of the questions, rows of like length together; yields how many are done. */
async function* answerAll(
  setup: EvaluationSetup,
  arm: Arm,
  attached: AttachedModel,
  answers: RowAnswer[],
  signal: AbortSignal,
): AsyncGenerator<number> {
  const { questions, language } = setup;
  const { maxPositions } = language.model.architecture.sizes;
  const prompts = questions.map(arm.read);
  for (const [i, { targetIds, index }] of questions.entries()) {
    const after = positionsTaken(attached.method) + targetIds.length - 1;
    checkLength(prompts[i]!.length, after, maxPositions, index + 1);
  }
  const order = questions.map((_, i) => i).sort((a, b) => prompts[a]!.length - prompts[b]!.length);
  for (let at = 0; at < order.length; at += batchRows) {
    const batch = order.slice(at, at + batchRows);
    const given = await answerBatch(
      setup,
      attached,
      batch.map((i) => ({ question: questions[i]!, prompt: prompts[i]! })),
      signal,
    );
    for (const [j, i] of batch.entries()) answers[i] = given[j]!;
    yield Math.min(at + batchRows, order.length);
  }
}

async function answerBatch(
  { language, choices, maxNewTokens }: EvaluationSetup,
  attached: AttachedModel,
  batch: readonly { readonly question: Question; readonly prompt: readonly number[] }[],
  signal: AbortSignal,
): Promise<readonly RowAnswer[]> {
  if (language.model.task === 'seq_cls') return classifyBatch(choices!, attached, batch, signal);
  const reading = await Reading.of(
    attached,
    batch.map(({ prompt }) => prompt),
  );
  const losses = (await reading.score(batch.map(({ question }) => question.targetIds))).map((score) => {
    return { target_loss: meanLoss(score), target_tokens: score.length };
  });
  const longest = Math.max(...(choices?.tokens ?? []).map((tokens) => tokens.length));
  const written = await continueReading(reading, {
    maxNewTokens: choices === null ? maxNewTokens : Math.min(maxNewTokens, longest + greedyExtra),
    stopIds: language.hasTokenizer ? language.tokenizer.eosTokenIds : [],
    sampling: null,
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
    return { text, correct, probability: normalise(score)[best]!, ...losses[i]!, greedy: texts[i]! };
  });
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
    return { text, correct: text === expected, probability: probabilities[best]!, target_loss, target_tokens: 1 };
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
