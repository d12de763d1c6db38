import { Choices } from './choices.ts';
import type { Half } from './fillers.ts';
import { syntaxes } from './tasks/command.ts';
import type { TextAnswer } from './tasks/task.ts';
import { commitByConvention, commitTypes, conventionType } from './texts/commits.ts';
import { intentNames, requestOf } from './texts/requests.ts';
import { reviewOf, sentiments } from './texts/reviews.ts';

/** A row of an experiment's data files: column names to texts, the input first and the answer second. */
export type Row = Readonly<Record<string, string>>;

/** One of the bundled experiments: where its rows come from and which skill of the base it is about. */
export interface SampleExperiment {
  /** Name of its files: NAME.tune.yaml, data/NAME.train.jsonl and so on. */
  readonly name: string;
  /** The base's skill that has this text and this answer; its instructions are the known wordings. */
  readonly skill: string;
  readonly columns: { readonly input: string; readonly answer: string };
  /** What the rows are balanced by: the labels, or the intents. */
  readonly classes: readonly string[];
  /** A text with its answer; the classes take turns. */
  readonly make: (turn: number, choices: Choices, half: Half) => TextAnswer;
  readonly seed: number;
}

function inTurn<T>(list: readonly T[], turn: number): T {
  return list[turn % list.length] as T;
}

/** The three bundled experiments. */
export const experiments: readonly SampleExperiment[] = [
  {
    name: 'commit-kind',
    skill: 'commit-kind/convention',
    columns: { input: 'message', answer: 'kind' },
    classes: commitTypes,
    make: (turn, choices, half) => {
      const commit = commitByConvention(inTurn(commitTypes, turn), choices, half);
      return { text: commit.text, answer: conventionType(commit) };
    },
    seed: 101,
  },
  {
    name: 'request-command',
    skill: 'command/flags',
    columns: { input: 'request', answer: 'command' },
    classes: intentNames,
    make: (turn, choices, half) => {
      const request = requestOf(inTurn(intentNames, turn), choices, half);
      return { text: request.text, answer: syntaxes.flags(request) };
    },
    seed: 102,
  },
  {
    name: 'review-sentiment',
    skill: 'sentiment/words',
    columns: { input: 'review', answer: 'sentiment' },
    classes: sentiments,
    make: (turn, choices, half) => {
      const review = reviewOf(inTurn(sentiments, turn), choices, half);
      return { text: review.text, answer: review.sentiment };
    },
    seed: 103,
  },
];

/** The data files of an experiment: their rows and the half of the fillers they may use. */
export const splits = {
  train: { rows: 304, half: 'tuning' },
  val: { rows: 96, half: 'tuning' },
  test: { rows: 240, half: 'heldOut' },
  /** The texts to try in the editor. */
  try: { rows: 16, half: 'heldOut' },
} as const satisfies Record<string, { rows: number; half: Half }>;
export type Split = keyof typeof splits;

/** All rows of an experiment: no text twice, each class equally often, in random order. */
export function rowsOf({ columns, make, seed }: SampleExperiment): Record<Split, Row[]> {
  const choices = new Choices(seed);
  const seen = new Set<string>();
  const rowOf = (turn: number, half: Half): Row => {
    for (;;) {
      const { text, answer } = make(turn, choices, half);
      if (seen.has(text)) continue;
      seen.add(text);
      return { [columns.input]: text, [columns.answer]: answer };
    }
  };
  const split = ({ rows, half }: { rows: number; half: Half }): Row[] => {
    const made = Array.from({ length: rows }, (_, turn) => rowOf(turn, half));
    return choices.sample(made, made.length);
  };
  return { train: split(splits.train), val: split(splits.val), test: split(splits.test), try: split(splits.try) };
}
