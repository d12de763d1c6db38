import { basename } from 'node:path';
import { openTokenizer } from '../checkpoint/tokenizer.ts';
import type { Example } from '../data/example.ts';
import type { TooLong } from '../data/tokenizeRows.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { type Method, positionsTaken } from '../methods/method.ts';
import { classNames } from '../models/classHead.ts';
import { unsupervised } from '../models/labelledRow.ts';
import type { Model } from '../models/model.ts';
import type { Task } from '../models/task.ts';
import { readExperimentRows } from './experimentRows.ts';
import { formSentence } from './fileRows.ts';
import type { Experiment } from './schema.ts';
import { tooLongLine } from './startWarnings.ts';

/** A stretch of a row, and whether its tokens are supervised. */
export interface PreviewedPart {
  readonly supervised: boolean;
  readonly tokens: readonly { readonly id: number; readonly text: string }[];
}

/** A training row as the model is taught it. */
export interface PreviewedRow {
  /** Absolute path. */
  readonly file: string;
  readonly line: number;
  /** In their order; of a task whose answer is none of the row's own tokens, the row and what is to be said of it. */
  readonly parts: readonly PreviewedPart[];
}

/** What becomes of an experiment's rows. */
export interface RowsPreview {
  readonly train_rows: number;
  readonly validation_rows: number;
  /** Training rows that teach nothing. */
  readonly unsupervised_rows: number;
  /** Tokens that a row may have beside the method's virtual ones. */
  readonly room: number;
  readonly left_out: readonly TooLong[];
  /** What the rows are, where they are of a well-known form that needs no template; else null. */
  readonly form: string | null;
  readonly rows: readonly PreviewedRow[];
}

/**
 * The tokens of the first training rows, and how many rows there are.
 * @throws SoftpromptError what reading the rows throws
 */
export async function previewRows(e: Experiment, model: Model, method: Method, count: number): Promise<RowsPreview> {
  const { train, validation, tooLong, form, unsupervised: silent } = await readExperimentRows(e, model, method);
  const write = await writer(model);
  const classes = model.classifier && (e.labels ?? classNames(model.config, model.classifier.classes));
  return {
    train_rows: train.length,
    validation_rows: validation.length,
    unsupervised_rows: silent,
    room: model.architecture.sizes.maxPositions - positionsTaken(method),
    left_out: tooLong,
    form: form === null ? null : formSentence(form),
    rows: train.slice(0, count).map((example) => ({
      ...{ file: e.data.train, line: example.line },
      parts: partsOf[e.task](example, write, classes),
    })),
  };
}

type Write = (ids: readonly number[]) => PreviewedPart['tokens'];

const partsOf = {
  causal_lm: ({ inputIds, labels }, write) => {
    const tokens = write(inputIds);
    const parts: { supervised: boolean; tokens: PreviewedPart['tokens'][number][] }[] = [];
    for (const [i, token] of tokens.entries()) {
      const supervised = labels[i] !== unsupervised;
      const last = parts.at(-1);
      if (last?.supervised === supervised) last.tokens.push(token);
      else parts.push({ supervised, tokens: [token] });
    }
    return parts;
  },
  seq_2_seq_lm: ({ inputIds, labels }, write) => [
    { supervised: false, tokens: write(inputIds) },
    { supervised: true, tokens: write(labels.filter((id) => id !== unsupervised)) },
  ],
  seq_cls: ({ inputIds, labels }, write, classes) => [
    { supervised: false, tokens: write(inputIds) },
    { supervised: true, tokens: labels.map((id) => ({ id, text: classes?.[id] ?? String(id) })) },
  ],
} satisfies Record<
  Task,
  (example: Example, write: Write, classes: readonly string[] | null) => readonly PreviewedPart[]
>;

/** What writes tokens as text; a model without a tokenizer shows their ids. */
async function writer(model: Model): Promise<Write> {
  const tokenizer = await openTokenizer(model.dir).catch((error: unknown) => {
    if (SoftpromptError.is(error, 'tokenizer-unusable')) return null;
    throw error;
  });
  return (ids) => {
    // A token's text depends on those before it: it is what the text grows by.
    let before = '';
    return ids.map((id, i) => {
      if (tokenizer === null) return { id, text: String(id) };
      const text = tokenizer.decode(ids.slice(0, i + 1), { skipSpecialTokens: false });
      const grown = text.startsWith(before) ? text.slice(before.length) : '';
      before = text;
      // Part of a character alone is no text.
      return { id, text: grown === '' || grown.includes('\ufffd') ? `<${id}>` : grown };
    });
  };
}

/** The preview in lines: `reads` what is given, `learns` what is supervised, a bar between tokens. */
export function rowsLines({ form, left_out, unsupervised_rows, rows, ...counts }: RowsPreview): readonly string[] {
  return [
    `Trains on ${counts.train_rows} rows, validates on ${counts.validation_rows}; a row may have ${counts.room} tokens`,
    ...(form === null ? [] : [form]),
    ...(left_out.length === 0 ? [] : [`Warning: ${tooLongLine(left_out.length, left_out)}`]),
    ...(unsupervised_rows === 0
      ? []
      : [`Warning: ${unsupervised_rows} training row(s) have no supervised token: nothing is learnt from them.`]),
    ...rows.flatMap(({ file, line, parts }) => {
      const tokens = parts.reduce((sum, part) => sum + part.tokens.length, 0);
      const learnt = parts.reduce((sum, part) => sum + (part.supervised ? part.tokens.length : 0), 0);
      return [
        `${basename(file)}:${line} (${tokens} tokens, ${learnt} supervised)`,
        ...parts.map((part) => `  ${part.supervised ? 'learns' : 'reads '}  ${shown(part.tokens)}`),
      ];
    }),
  ];
}

/** Between tokens: a sign that texts seldom hold. */
const separator = '│';

/** Tokens at either end of a stretch that is too long to be shown whole. */
const mostAtEnd = 60;

function shown(tokens: PreviewedPart['tokens']): string {
  const texts = tokens.map(({ text }) => text.replaceAll('\n', '⏎').replaceAll('\r', '␍').replaceAll('\t', '⇥'));
  const hidden = texts.length - 2 * mostAtEnd;
  if (hidden <= 0) return texts.join(separator);
  const [first, last] = [texts.slice(0, mostAtEnd), texts.slice(-mostAtEnd)];
  return [...first, ` ... ${hidden} more ... `, ...last].join(separator);
}
