import type { ChatMessage } from '../checkpoint/chat.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { RowPlace } from '../foundation/errorWords.ts';
import type { DataRow } from './dataRow.ts';

/** Well-known forms of rows, which need no template. */
export type RowForm = 'chat' | 'sharegpt' | 'alpaca';

/** What a row of a form holds: a conversation, or a text and its answer; `asked` is the text without the form's own words. */
export type FormedRow =
  | { readonly messages: readonly ChatMessage[] }
  | { readonly prompt: string; readonly asked: string; readonly completion: string };

/** What makes a form, and how a row of it is read. */
interface FormRule {
  /** Columns that every row of it has. */
  readonly columns: readonly string[];
  /** What becomes of its rows, for a person. */
  readonly says: string;
  /** @throws SoftpromptError data-invalid */
  readonly read: (values: DataRow['values'], place: RowPlace) => FormedRow;
}

const chatWords =
  "written by the model's own chat template; what the assistant says is learnt, in each of its turns that the template writes alike while it is asked for and after it was given";

/** The forms: Hugging Face's chat messages, ShareGPT's, and Alpaca's. */
export const rowForms = {
  chat: {
    columns: ['messages'],
    says: `chat messages, ${chatWords}`,
    read: ({ messages }, place) =>
      conversation(messages, place, { column: 'messages', role: 'role', content: 'content', roles: chatRoles }),
  },
  sharegpt: {
    columns: ['conversations'],
    says: `ShareGPT conversations, ${chatWords}`,
    read: ({ conversations }, place) =>
      conversation(conversations, place, {
        ...{ column: 'conversations', role: 'from', content: 'value', roles: shareGptRoles },
      }),
  },
  alpaca: {
    columns: ['instruction', 'output'],
    says: 'Alpaca instructions, written in the words that Stanford Alpaca was trained with; the output is learnt',
    read: ({ instruction, input, output }, place) => {
      const asked = text(instruction, 'instruction', place);
      const more = input == null ? '' : text(input, 'input', place);
      const completion = text(output, 'output', place);
      return { prompt: alpacaPrompt(asked, more), asked: `${asked}\n${more}`, completion };
    },
  },
} satisfies Record<RowForm, FormRule>;

/** Roles of chat messages, by themselves. */
const chatRoles: ReadonlyMap<string, string> = new Map(
  ['system', 'developer', 'user', 'assistant', 'tool'].map((role) => [role, role]),
);
/** ShareGPT's names of who speaks. */
const shareGptRoles: ReadonlyMap<string, string> = new Map([
  ...([
    ['human', 'user'],
    ['user', 'user'],
    ['system', 'system'],
    ['tool', 'tool'],
  ] as const),
  ...(['gpt', 'assistant', 'chatgpt', 'bing', 'bard'] as const).map((name) => [name, 'assistant'] as const),
]);

/** What to do about rows of text that nothing says how to read. */
export const withoutTemplate =
  'Give the experiment a template with input and target. Without one rows hold input_ids, messages (chat), conversations (ShareGPT), or instruction and output (Alpaca).';

/** The form of a row, by its columns; null for one of its own. */
export function formOf(values: DataRow['values']): RowForm | null {
  const forms = Object.keys(rowForms) as RowForm[];
  return forms.find((form) => rowForms[form].columns.every((column) => values[column] != null)) ?? null;
}

/** The prompt of https://github.com/tatsu-lab/stanford_alpaca, after which the answer follows at once. */
export function alpacaPrompt(instruction: string, input: string): string {
  return input === ''
    ? `Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\n${instruction}\n\n### Response:`
    : `Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response:`;
}

/** Where a form keeps what of a message. */
interface MessageKeys {
  readonly column: string;
  readonly role: string;
  readonly content: string;
  readonly roles: ReadonlyMap<string, string>;
}

function conversation(
  given: unknown,
  place: RowPlace,
  keys: MessageKeys,
): { readonly messages: readonly ChatMessage[] } {
  const { column, roles } = keys;
  // A column of a table without nested types holds it as JSON.
  const list: unknown = typeof given === 'string' ? parsed(given) : given;
  if (!Array.isArray(list)) throw invalid(place, `${column} is no list of messages`);
  const messages = list.map((message: unknown, i): ChatMessage => {
    const at = `${column}[${i}]`;
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      throw invalid(place, `${at} is no message with ${keys.role} and ${keys.content}`);
    }
    const held = message as Readonly<Record<string, unknown>>;
    const named = held[keys.role];
    const role = typeof named === 'string' ? roles.get(named) : undefined;
    if (role === undefined) {
      const known = [...roles.keys()].join(', ');
      throw invalid(place, `${at}.${keys.role} is ${JSON.stringify(named) ?? 'missing'}, none of ${known}`);
    }
    return { role, content: contentOf(held[keys.content], `${at}.${keys.content}`, place) };
  });
  const answers = messages.filter(({ role }) => role === 'assistant').length;
  if (answers === 0) throw invalid(place, `${column} has nothing that the assistant says`);
  if (messages.at(-1)!.role !== 'assistant') throw invalid(place, `the last of its ${column} is not the assistant's`);
  if (messages.length === 1) throw invalid(place, `${column} has nothing that is answered`);
  return { messages };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** A text, or parts of one as multimodal data has them. */
function contentOf(content: unknown, at: string, place: RowPlace): string {
  if (!Array.isArray(content)) return text(content, at, place);
  const parts = content.map((part: unknown, i) => {
    const { type, text: own } = (part ?? {}) as { readonly type?: unknown; readonly text?: unknown };
    if (type === 'text' && typeof own === 'string') return own;
    throw invalid(place, `${at}[${i}] is no text; only text can be read`);
  });
  return parts.join('');
}

function text(value: unknown, at: string, place: RowPlace): string {
  if (typeof value === 'string') return value;
  throw invalid(place, `${at} is ${value === undefined ? 'missing' : value === null ? 'null' : 'no text'}`);
}

function invalid(place: RowPlace, problem: string): SoftpromptError {
  return new SoftpromptError('data-invalid', { ...place, problem });
}
