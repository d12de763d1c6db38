import type { Choices } from '../choices.ts';
import { fill, fillersOf, type Half, words } from '../fillers.ts';

/** Fillers of a request's slots, by kind of value. */
export const slotValues = {
  service:
    words(`payments orders search identity mailer catalog reports gateway pricing shipping uploads metrics reviews
    ratings invoices sessions profiles coupons webhooks streams tickets exports alerts backups media maps feeds quotes
    wallet cart loyalty refunds taxes stock fraud signup chat video blog forum`),
  env: words('staging production canary preview sandbox testing demo integration'),
  person: words(`maria ahmed chen olga pablo priya jonas aisha diego emma hiro lena marco nadia omar petra quinn rosa
    samir tara uma victor wendy xavier yuki zoe boris clara dmitri elif farid greta`),
  number: words('2 3 4 5 6 7 8 9 10 12 14 15 16 18 20 24 25 28 30 32 35 36 40 42 45 48 50 55 60 64 70 72 75 80 85 90'),
} as const satisfies Record<string, readonly string[]>;

/** A value a command takes: its name in the command and where its fillers come from. */
interface SlotKind {
  readonly name: string;
  readonly values: keyof typeof slotValues;
}
const service: SlotKind = { name: 'service', values: 'service' };
const env: SlotKind = { name: 'env', values: 'env' };
const person: SlotKind = { name: 'person', values: 'person' };
const number = (name: string): SlotKind => ({ name, values: 'number' });

/** What somebody may ask of the operations bot: the slots in the command's order, and how people say it. */
export const intents = {
  restart: {
    slots: [service, env],
    templates: [
      'Restart {service} in {env}',
      'Please restart the {service} service on {env}',
      '{service} down in {env}, restart it',
      'Can you bounce {service} on {env}',
    ],
  },
  deploy: {
    slots: [service, env],
    templates: [
      'Deploy {service} to {env}',
      'Ship {service} to {env} please',
      'Put the new {service} on {env}',
      '{env} should get the latest {service}',
    ],
  },
  scale: {
    slots: [service, number('count')],
    templates: [
      'Scale {service} to {count} replicas',
      'Run {count} copies of {service}',
      'We need {count} instances of {service}',
      '{service} with {count} replicas please',
    ],
  },
  logs: {
    slots: [service, number('minutes')],
    templates: [
      'Show the last {minutes} minutes of {service} logs',
      'What did {service} log in the past {minutes} minutes',
      'Logs of {service} for {minutes} minutes please',
      'Print {service} output of the last {minutes} minutes',
    ],
  },
  mute: {
    slots: [service, number('minutes')],
    templates: [
      'Mute {service} for {minutes} minutes',
      'Silence the pager of {service} for {minutes} minutes',
      'No noise from {service} for {minutes} minutes',
      'Keep {service} quiet for {minutes} minutes',
    ],
  },
  rollback: {
    slots: [service, number('steps')],
    templates: [
      'Roll {service} back by {steps} versions',
      'Undo the last {steps} versions of {service}',
      'Take {service} back {steps} versions',
      'Return {service} to {steps} versions ago',
    ],
  },
  assign: {
    slots: [number('issue'), person],
    templates: [
      'Assign issue {issue} to {person}',
      'Give {person} issue {issue}',
      'Issue {issue} belongs to {person}',
      '{person} takes issue {issue}',
    ],
  },
  review: {
    slots: [number('change'), person],
    templates: [
      'Ask {person} to review change {change}',
      '{person} should look at change {change}',
      'Request a review of change {change} from {person}',
      'Change {change} needs a review by {person}',
    ],
  },
} as const satisfies Record<string, { slots: readonly SlotKind[]; templates: readonly string[] }>;

export type Intent = keyof typeof intents;
export const intentNames = Object.keys(intents) as Intent[];

/** A request with the command it means: slots in the command's order. */
export interface Request {
  readonly text: string;
  readonly intent: Intent;
  readonly slots: readonly { readonly name: string; readonly value: string }[];
}

/** A request of this intent. */
export function requestOf(intent: Intent, choices: Choices, half: Half): Request {
  const { slots, templates } = intents[intent];
  const filled = slots.map(({ name, values }: SlotKind) => ({
    name,
    value: choices.pick(fillersOf(slotValues[values], half)),
  }));
  const text = fill(choices.pick(templates), Object.fromEntries(filled.map(({ name, value }) => [name, value])));
  return { text, intent, slots: filled };
}

/** Any request. */
export function anyRequest(choices: Choices, half: Half): Request {
  return requestOf(choices.pick(intentNames), choices, half);
}
