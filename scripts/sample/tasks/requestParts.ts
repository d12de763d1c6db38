import { anyRequest, intentNames, intents, requestOf } from '../texts/requests.ts';
import type { Skill } from './task.ts';

/** What a request wants done. */
export const intent: readonly Skill[] = [
  {
    name: 'intent/name',
    share: 1,
    wording: 'natural',
    instructions: ['What does the person want?', 'Name the intent.', 'Which action is asked for?'],
    row: (choices, half) => {
      const request = anyRequest(choices, half);
      return { text: request.text, answer: request.intent };
    },
  },
];

const slotQuestions: Readonly<Record<string, readonly string[]>> = {
  service: ['Which service is meant?', 'Name the service.'],
  env: ['Which environment is meant?', 'Name the environment.'],
  person: ['Who is meant?', 'Name the person.'],
  count: ['How many replicas?', 'Give the number of replicas.'],
  minutes: ['How many minutes?', 'Give the minutes.'],
  steps: ['How many versions?', 'Give the number of versions.'],
  issue: ['Which issue is meant?', 'Give the issue number.'],
  change: ['Which change is meant?', 'Give the change number.'],
};

/** One value a request names. */
export const slot: readonly Skill[] = Object.entries(slotQuestions).map(([name, instructions]) => {
  const having = intentNames.filter((intentName) => intents[intentName].slots.some((kind) => kind.name === name));
  return {
    name: `slot/${name}`,
    share: having.length,
    wording: 'natural',
    instructions,
    row: (choices, half) => {
      const request = requestOf(choices.pick(having), choices, half);
      return { text: request.text, answer: request.slots.find((filled) => filled.name === name)?.value ?? '' };
    },
  };
});
