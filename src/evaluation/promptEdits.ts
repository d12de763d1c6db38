import { columns, escapeText, parseTemplate, type Template } from '../data/template.ts';
import type { Random } from '../foundation/random.ts';

/** What a prompt can become. */
export interface PromptPool {
  /** Whole prompts that are tried first. */
  readonly templates: readonly string[];
  /** Sentences that can be put in. */
  readonly phrases: readonly string[];
  /** What can stand behind the row, where the answer begins. */
  readonly cues: readonly string[];
}

/** What a given prompt is searched among: its own sentences, the experiment's own template, and common forms of asking. */
export function promptPool(given: Template, input: Template, labels: readonly string[] | null): PromptPool {
  const instruction = linesOf(given.source).flatMap((line) => (holdsColumn(line) ? [] : sentencesOf(line)));
  const named = labels === null ? [] : [`Answer with one of: ${labels.map(escapeText).join(', ')}.`];
  const row = columns(given)
    .map((column) => `{{${column}}}`)
    .join('\n');
  const sameColumns = columns(given).every((column) => columns(input).includes(column));
  const frames = [`Input: ${row}\nOutput:`, `${row}\nAnswer:`, `Question: ${row}\nAnswer:`, `Text: ${row}\nLabel:`];
  const bare = sameColumns ? [input.source, ...frames] : frames;
  return {
    templates: bare.flatMap((frame) => [frame, ...named.map((names) => `${names}\n${frame}`)]),
    phrases: [...instruction, ...named, 'Read the text first.', 'Answer with the label alone.', 'Answer in one word.'],
    cues: ['\nOutput:', '\nAnswer:', '\nLabel:', ':', ' ->', ...(sameColumns ? [cueOf(input)] : [])],
  };
}

/** One edit of a prompt, drawn at random; null where the edit that was drawn has nothing to work on. Columns stay as they are. */
export function editPrompt(source: string, pool: PromptPool, random: Random): string | null {
  const edit = edits[random.integer(edits.length)]!;
  const edited = edit(source, pool, random);
  return edited === null || edited === source ? null : edited;
}

type Edit = (source: string, pool: PromptPool, random: Random) => string | null;

/** Phrases taken away, exchanged and added, as in GrIPS (Prasad et al. 2023), and what asks for the answer. */
const edits: readonly Edit[] = [dropSentence, dropWords, swapSentences, addPhrase, changeCue];

function dropSentence(source: string, _: PromptPool, random: Random): string | null {
  return changeSentences(source, (sentences) => {
    if (sentences.length === 0) return null;
    const at = random.integer(sentences.length);
    return sentences.map((sentence, i) => (i === at ? null : sentence));
  });
}

/** Takes one to three neighbouring words out of a sentence. */
function dropWords(source: string, _: PromptPool, random: Random): string | null {
  return changeSentences(source, (sentences) => {
    const long = sentences.flatMap((sentence, i) => (sentence.split(' ').length > 2 ? [i] : []));
    if (long.length === 0) return null;
    const at = long[random.integer(long.length)]!;
    const words = sentences[at]!.split(' ');
    const count = 1 + random.integer(Math.min(3, words.length - 1));
    words.splice(random.integer(words.length - count + 1), count);
    return sentences.toSpliced(at, 1, words.join(' '));
  });
}

function swapSentences(source: string, _: PromptPool, random: Random): string | null {
  return changeSentences(source, (sentences) => {
    if (sentences.length < 2) return null;
    const at = random.integer(sentences.length - 1);
    return sentences.toSpliced(at, 2, sentences[at + 1]!, sentences[at]!);
  });
}

function addPhrase(source: string, { phrases }: PromptPool, random: Random): string | null {
  const absent = phrases.filter((phrase) => !source.includes(phrase));
  if (absent.length === 0) return null;
  const lines = linesOf(source);
  const row = lines.findIndex(holdsColumn);
  const phrase = absent[random.integer(absent.length)]!;
  return lines.toSpliced(random.integer(Math.max(row, 0) + 1), 0, phrase).join('\n');
}

function changeCue(source: string, { cues }: PromptPool, random: Random): string | null {
  const cue = cueOf(parseTemplate(source));
  return source.slice(0, source.length - cue.length) + cues[random.integer(cues.length)]!;
}

/** What stands behind the last column, as the template writes it. */
function cueOf({ source, parts }: Template): string {
  const last = parts.at(-1);
  return typeof last === 'string' ? source.slice(source.length - escapeText(last).length) : '';
}

/** Changes the sentences of the lines that hold no column; null for one takes it away, and a line that loses all of them goes. */
function changeSentences(
  source: string,
  change: (sentences: readonly string[]) => readonly (string | null)[] | null,
): string | null {
  const lines = linesOf(source).map((line) => ({ line, sentences: holdsColumn(line) ? [] : sentencesOf(line) }));
  const changed = change(lines.flatMap(({ sentences }) => sentences));
  if (changed === null) return null;
  let at = 0;
  const kept = lines.flatMap(({ line, sentences }) => {
    if (sentences.length === 0) return [line];
    const left = changed.slice(at, at + sentences.length).filter((sentence) => sentence !== null);
    at += sentences.length;
    return left.length === 0 ? [] : [left.join(' ')];
  });
  return kept.join('\n');
}

const linesOf = (source: string): readonly string[] => source.split('\n');
const holdsColumn = (line: string): boolean => line.includes('{{');
const sentencesOf = (line: string): readonly string[] => line.split(/(?<=[.!?;])\s+/).filter((part) => part !== '');
