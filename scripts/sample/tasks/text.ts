import type { Choices } from '../choices.ts';
import { fillersOf, type Half } from '../fillers.ts';
import { anyCommit, components } from '../texts/commits.ts';
import { anyRequest, slotValues } from '../texts/requests.ts';
import { anyReview, aspects, products } from '../texts/reviews.ts';
import type { Skill } from './task.ts';

const nouns = [
  ...new Set([...components, ...Object.values(slotValues).flat(), ...Object.values(products).flat(), ...aspects]),
];

/** Words in no order that could be guessed, so that only copying helps. */
function wordList(choices: Choices, half: Half): string[] {
  return choices.sample(fillersOf(nouns, half), choices.integer(2, 5));
}

/** The text again. */
export const copy: readonly Skill[] = [
  {
    name: 'copy/words',
    share: 1,
    wording: 'natural',
    instructions: ['Repeat the text.', 'Copy the input.', 'Say it again.'],
    row: (choices, half) => {
      const text = wordList(choices, half).join(' ');
      return { text, answer: text };
    },
  },
];

function wordSkill(place: 'first' | 'last', instructions: readonly string[]): Skill {
  return {
    name: `word/${place}`,
    share: 1,
    wording: 'natural',
    instructions,
    row: (choices, half) => {
      const list = wordList(choices, half);
      return { text: list.join(' '), answer: String(list.at(place === 'first' ? 0 : -1)) };
    },
  };
}

/** One word of the text by its place. */
export const word: readonly Skill[] = [
  wordSkill('first', ['Give the first word.', 'What is the first word?']),
  wordSkill('last', ['Give the last word.', 'What is the last word?']),
];

/** What kind of text it is. */
export const domain: readonly Skill[] = [
  {
    name: 'domain/name',
    share: 1,
    wording: 'natural',
    instructions: ['What is this text?', 'Name the kind of text.', 'Where does this text come from?'],
    row: (choices, half) => {
      const make = choices.pick([
        () => ({ text: anyCommit(choices, half).text, answer: 'commit' }),
        () => ({ text: anyRequest(choices, half).text, answer: 'request' }),
        () => ({ text: anyReview(choices, half).text, answer: 'review' }),
      ]);
      return make();
    },
  },
];
