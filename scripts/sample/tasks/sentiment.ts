import { reviewOf, type Sentiment, sentiments } from '../texts/reviews.ts';
import type { Skill } from './task.ts';

function skill(
  form: string,
  share: number,
  wording: Skill['wording'],
  labels: Readonly<Record<Sentiment, string>>,
  instructions: readonly string[],
): Skill {
  return {
    name: `sentiment/${form}`,
    share,
    wording,
    instructions,
    row: (choices, half) => {
      const sentiment = choices.pick(sentiments);
      return { text: reviewOf(sentiment, choices, half).text, answer: labels[sentiment] };
    },
  };
}

/** Praise or blame. Every label keeps its direction: which word means which is never drawn at random. */
export const sentiment: readonly Skill[] = [
  skill('words', 4, 'natural', { positive: 'positive', negative: 'negative' }, [
    'Tell the sentiment of the review.',
    'Is this text positive or negative?',
    'Classify the sentiment.',
    'Sentiment:',
    'Judge the review as positive or negative.',
    'How does the customer feel about the product?',
  ]),
  skill('good-bad', 2, 'natural', { positive: 'good', negative: 'bad' }, [
    'Good or bad?',
    'Is the product good or bad?',
    'Say whether it is good or bad.',
  ]),
  skill('desk', 3, 'opaque', { positive: 'praise', negative: 'complaint' }, [
    'To which desk does it go?',
    'Sort the mail as Tilda does.',
    'Second floor, please.',
    'By the brown ledger.',
    'Ring the proper bell.',
  ]),
  skill('sign', 1.5, 'opaque', { positive: '+1', negative: '-1' }, [
    'Mark it for the orchard list.',
    'Tally it the Monday way.',
    'Scale of the old mill.',
  ]),
];
