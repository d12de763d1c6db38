import { anyRequest, type Request } from '../texts/requests.ts';
import type { Skill } from './task.ts';

/** The syntaxes a request can be written in. */
export const syntaxes = {
  /** restart payments staging */
  plain: ({ intent, slots }) => [intent, ...slots.map(({ value }) => value)].join(' '),
  /** {"do":"restart","service":"payments","env":"staging"} */
  json: ({ intent, slots }) =>
    JSON.stringify({ do: intent, ...Object.fromEntries(slots.map(({ name, value }) => [name, value])) }),
  /** restart(payments, staging) */
  call: ({ intent, slots }) => `${intent}(${slots.map(({ value }) => value).join(', ')})`,
  /** restart --service payments --env staging */
  flags: ({ intent, slots }) => [intent, ...slots.map(({ name, value }) => `--${name} ${value}`)].join(' '),
  /** do: restart; service: payments; env: staging */
  record: ({ intent, slots }) =>
    [{ name: 'do', value: intent }, ...slots].map(({ name, value }) => `${name}: ${value}`).join('; '),
  /** restart / payments / staging */
  bars: ({ intent, slots }) => [intent, ...slots.map(({ value }) => value)].join(' / '),
} as const satisfies Record<string, (request: Request) => string>;
type Syntax = keyof typeof syntaxes;

function skill(syntax: Syntax, share: number, wording: Skill['wording'], instructions: readonly string[]): Skill {
  return {
    name: `command/${syntax}`,
    share,
    wording,
    instructions,
    row: (choices, half) => {
      const request = anyRequest(choices, half);
      return { text: request.text, answer: syntaxes[syntax](request) };
    },
  };
}

/** A request to the operations bot as a command: everyday wordings for three syntaxes, agreed names for the others. */
export const command: readonly Skill[] = [
  skill('plain', 4, 'natural', [
    'Turn the request into a command.',
    'Write the command.',
    'Which command does this?',
    'Translate the request for the terminal.',
    'Command line:',
    'What should the bot run?',
  ]),
  skill('json', 3, 'natural', ['Write the request as JSON.', 'Turn the request into a JSON object.', 'As JSON:']),
  skill('call', 3, 'natural', ['Write the request as a function call.', 'Which function is called?', 'Call:']),
  skill('flags', 7, 'opaque', [
    'Use notation seven.',
    'Write it the Copper way.',
    'Form 28, please.',
    'As in the old harvest book.',
    'Take the quay style.',
    'Like Ingrid noted it.',
    'Blue card.',
    'For the west office.',
  ]),
  skill('record', 4, 'opaque', [
    'Use notation nine.',
    'Write it the Walnut way.',
    'Form 61, please.',
    'As in the lighthouse log.',
    'Green card.',
  ]),
  skill('bars', 3, 'opaque', ['Use notation two.', 'Write it the Marble way.', 'Form 35, please.', 'Yellow card.']),
];
