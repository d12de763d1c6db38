import type { ChatMessage, ChatTemplate } from '../checkpoint/chat.ts';
import type { Tokenizer } from '../checkpoint/tokenizer.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { RowPlace } from '../foundation/errorWords.ts';
import { unsupervised } from '../models/labelledRow.ts';
import type { ExampleTokens } from './example.ts';

/** A conversation as one text, and where in it what is learnt stands. */
export interface WrittenChat {
  readonly text: string;
  /** Characters from and to, ascending; the last ends with the text. */
  readonly answers: readonly (readonly [from: number, to: number])[];
}

/**
 * Writes a conversation down. An answer is what the template adds for it to what stands before it when the model is asked for it, so
 * that the model is taught what it will be asked; an earlier answer that the template writes otherwise once others follow (as some
 * drop what was thought) is read and not learnt.
 * @throws SoftpromptError data-invalid when the template refuses the conversation or rewrites what stands before the last answer
 */
export function writeChat(messages: readonly ChatMessage[], chat: ChatTemplate, place: RowPlace): WrittenChat {
  const write = (count: number, addGenerationPrompt: boolean) => {
    try {
      return chat.render(messages.slice(0, count), { addGenerationPrompt });
    } catch (error) {
      if (!SoftpromptError.is(error, 'chat-template')) throw error;
      throw new SoftpromptError('data-invalid', { ...place, problem: error.message.replace(/\.$/, '') });
    }
  };
  const text = write(messages.length, false);
  const answers = messages.flatMap(({ role }, i): (readonly [number, number])[] => {
    // A conversation that the assistant opens has nothing before it that could be asked.
    if (role !== 'assistant' || i === 0) return [];
    const last = i === messages.length - 1;
    const [before, after] = [write(i, true), last ? text : write(i + 1, false)];
    const alike = text.startsWith(before) && text.startsWith(after) && after.length > before.length;
    if (alike) return [[before.length, after.length]];
    if (!last) return [];
    const problem = `the chat template of ${chat.file} writes what stands before the last answer otherwise once it is given, so nothing can be taught`;
    throw new SoftpromptError('data-invalid', { ...place, problem, todo: 'Give the experiment a template.' });
  });
  return { text, answers };
}

/**
 * The tokens of a conversation: those of its whole text, special tokens included in it, but for an answer whose beginning would melt
 * into one token with what stands before it, which is encoded apart from that, as it is when the model is asked. What is learnt of an
 * answer ends with its last end token; the tokenizer's is put behind the last answer where the template writes none.
 */
export function chatTokens(tokenizer: Tokenizer, chat: WrittenChat): ExampleTokens {
  const { ids, at } = encodeChat(chat, (part) => tokenizer.encode(part, { addSpecialTokens: false }));
  const labels: number[] = ids.map(() => unsupervised);
  const ends = new Set(tokenizer.eosTokenIds);
  let ended = false;
  for (const [from, to] of chat.answers) {
    const [start, stop] = [at(from), at(to)];
    const end = ids.slice(start, stop).findLastIndex((id) => ends.has(id));
    ended = end >= 0;
    for (let t = start; t < (ended ? start + end + 1 : stop); t++) labels[t] = ids[t]!;
  }
  const { eosTokenId } = tokenizer;
  if (ended || eosTokenId === null) return { inputIds: ids, labels };
  return { inputIds: [...ids, eosTokenId], labels: [...labels, eosTokenId] };
}

/** The tokens of a conversation, and how many of them stand before a character of it. */
interface EncodedChat {
  readonly ids: readonly number[];
  readonly at: (length: number) => number;
}

type Encode = (part: string) => readonly number[];

function encodeChat(chat: WrittenChat, encode: Encode): EncodedChat {
  return encodeApart(chat, encode) ?? encodeTogether(chat, encode);
}

/** Encodes what lies between two borders of answers by itself; null where the whole text has other tokens. */
function encodeApart({ text, answers }: WrittenChat, encode: Encode): EncodedChat | null {
  const borders = [...new Set([0, ...answers.flat(), text.length])];
  const before = new Map<number, number>();
  const ids: number[] = [];
  for (const [i, from] of borders.entries()) {
    before.set(from, ids.length);
    if (from < text.length) ids.push(...encode(text.slice(from, borders[i + 1])));
  }
  const whole = encode(text);
  if (whole.length !== ids.length || common(whole, ids) < ids.length) return null;
  return { ids, at: (length) => before.get(length)! };
}

/** Encodes the whole text, and an answer apart where its beginning would melt into what stands before it. */
function encodeTogether({ text, answers }: WrittenChat, encode: Encode): EncodedChat {
  const pieces: { readonly from: number; readonly before: number; readonly ids: readonly number[] }[] = [];
  const last = () => pieces.at(-1)!;
  const begin = (from: number, before: number) => pieces.push({ from, before, ids: encode(text.slice(from)) });
  begin(0, 0);
  for (const [from] of answers) {
    const piece = last();
    const asked = encode(text.slice(piece.from, from));
    if (common(piece.ids, asked) === asked.length) continue;
    pieces[pieces.length - 1] = { ...piece, ids: asked };
    begin(from, piece.before + asked.length);
  }
  return {
    ids: pieces.flatMap(({ ids }) => ids),
    at: (length) => {
      const { from, before, ids } = pieces.findLast((piece) => piece.from <= length)!;
      return before + (length === text.length ? ids.length : common(ids, encode(text.slice(from, length))));
    },
  };
}

/** How many tokens two lists begin with in common. */
function common(a: readonly number[], b: readonly number[]): number {
  const differs = b.findIndex((id, i) => a[i] !== id);
  return differs < 0 ? b.length : differs;
}
