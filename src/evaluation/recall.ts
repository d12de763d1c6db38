import type { AttachedModel } from '../inference/languageModel.ts';
import type { Adapter } from '../methods/adapter.ts';
import { type AnswerStore, answersKey, type KeptAnswers } from './answerStore.ts';
import type { Asking } from './asking.ts';
import type { RowAnswer } from './result.ts';
import { untilAborted } from './untilAborted.ts';

/** Where answers are kept. */
export interface Keeping {
  readonly store: AnswerStore;
  /** What the model is, for what is kept of it. */
  readonly modelKey: string;
  /** Milliseconds of a clock. */
  readonly now: () => number;
}

/** Answers to all questions, in their order. */
export interface Answered {
  readonly answers: readonly RowAnswer[];
  /** That the model took for them, whenever they were given. */
  readonly seconds: number;
  /** How many were kept from before. */
  readonly cached: number;
  /** Where they are kept. */
  readonly kept: KeptAnswers;
}

/** Has a model answer the questions that have no answer yet, a batch at a time. */
export type Ask = (
  attached: AttachedModel,
  known: ReadonlyMap<number, RowAnswer>,
) => AsyncGenerator<ReadonlyMap<number, RowAnswer>, void>;

/** The answers that are kept, and the model's to all other questions, which are kept as they come; yields how many there are. */
export async function* recallOrAsk(
  { store, modelKey, now }: Keeping,
  asking: Asking,
  adapter: Adapter | null,
  prompts: readonly (readonly number[])[],
  ask: Ask,
  signal: AbortSignal,
): AsyncGenerator<number, Answered> {
  const { questions, language } = asking;
  const kept = await store.open(answersKey(modelKey, adapter, asking, prompts));
  const found = new Map([...kept.answers].filter(([i]) => i < questions.length));
  const cached = found.size;
  let { seconds } = kept;
  yield cached;
  if (cached < questions.length) {
    const attached = await untilAborted(signal, language.attach(adapter));
    let began = now();
    for await (const batch of ask(attached, kept.answers)) {
      const took = (now() - began) / 1000;
      await kept.keep(batch, took);
      seconds += took;
      for (const [i, answer] of batch) found.set(i, answer);
      yield found.size;
      began = now();
    }
  }
  return { answers: questions.map((_, i) => found.get(i)!), seconds, cached, kept };
}
