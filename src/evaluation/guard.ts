import type { AttachedModel } from '../inference/languageModel.ts';
import { meanLoss, scoreRows } from '../inference/score.ts';
import type { Adapter } from '../methods/adapter.ts';
import type { LabelledRow } from '../models/labelledRow.ts';
import { type Asking, askAll } from './asking.ts';
import type { Choices, Question } from './questions.ts';
import { type Keeping, recallOrAsk } from './recall.ts';
import type { GuardFigure, RowAnswer } from './result.ts';
import { untilAborted } from './untilAborted.ts';

/** Rows outside of an experiment, on which an adapter should leave the model as good as it was. */
export type Guard = { readonly name: string } & (
  | { readonly figure: 'perplexity'; readonly rows: readonly LabelledRow[] }
  | { readonly figure: 'accuracy'; readonly questions: readonly Question[]; readonly choices: Choices }
);

/**
 * A guard's figure for the model with an adapter, or for the base model: perplexity over all supervised tokens, or the share of
 * right answers. Yields how many rows are done.
 */
export async function* guardFigure(
  setup: Keeping & Pick<Asking, 'language'>,
  guard: Guard,
  adapter: Adapter | null,
  signal: AbortSignal,
): AsyncGenerator<number, Omit<GuardFigure, 'change'>> {
  const { asking, ask } = guard.figure === 'accuracy' ? choosing(setup, guard, signal) : scoring(setup, guard, signal);
  const prompts = asking.questions.map(({ inputIds }) => inputIds);
  const { answers } = yield* recallOrAsk(setup, asking, adapter, prompts, ask, signal);
  const rows = answers.length;
  if (guard.figure === 'accuracy') {
    return { figure: guard.figure, value: answers.filter(({ correct }) => correct).length / rows, rows };
  }
  const scored = answers.filter(({ target_tokens }) => target_tokens > 0);
  const tokens = scored.reduce((sum, { target_tokens }) => sum + target_tokens, 0);
  const loss = scored.reduce((sum, { target_loss, target_tokens }) => sum + target_loss * target_tokens, 0);
  return { figure: guard.figure, value: tokens === 0 ? null : Math.exp(loss / tokens), rows };
}

type AskingOf = { readonly asking: Asking; readonly ask: Parameters<typeof recallOrAsk>[4] };

function choosing(
  { language }: Pick<Asking, 'language'>,
  { questions, choices }: Extract<Guard, { figure: 'accuracy' }>,
  signal: AbortSignal,
): AskingOf {
  // Nobody reads what would have been written beside the label that is chosen.
  const asking = { language, questions, choices, maxNewTokens: 1, sampling: null };
  const prompts = questions.map(({ inputIds }) => inputIds);
  return { asking, ask: (attached, known) => askAll(asking, attached, prompts, known, signal) };
}

function scoring(
  { language }: Pick<Asking, 'language'>,
  { rows }: Extract<Guard, { figure: 'perplexity' }>,
  signal: AbortSignal,
): AskingOf {
  const questions = rows.map(({ inputIds, labels }, index): Question => {
    const ids = { inputIds: Array.from(inputIds), targetIds: Array.from(labels) };
    return { index, input: '', expected: '', values: null, ...ids };
  });
  return {
    asking: { language, questions, choices: null, maxNewTokens: 0, sampling: null },
    ask: (attached, known) => scoreAll(attached, rows, known, signal),
  };
}

/** The losses of rows, in the place of answers. */
async function* scoreAll(
  attached: AttachedModel,
  rows: readonly LabelledRow[],
  known: ReadonlyMap<number, RowAnswer>,
  signal: AbortSignal,
): AsyncGenerator<ReadonlyMap<number, RowAnswer>, void> {
  const waiting = rows.flatMap((row, i) => (known.has(i) ? [] : [{ row, i }]));
  const scores = scoreRows(
    attached,
    waiting.map(({ row }) => row),
    signal,
  );
  for (;;) {
    const { value, done } = await untilAborted(signal, scores.next());
    if (done) return;
    const answers = value.map(({ index, score }): readonly [number, RowAnswer] => {
      const losses = { target_loss: meanLoss(score), target_tokens: score.length };
      return [waiting[index]!.i, { text: '', correct: false, probability: null, ...losses }];
    });
    yield new Map(answers);
  }
}
