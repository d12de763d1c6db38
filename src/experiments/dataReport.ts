import { basename } from 'node:path';
import type { DataRow } from '../data/dataRow.ts';
import { commonTexts, conflicts, type PlacedText, sameTexts, type TextPair } from '../data/duplicates.ts';
import { readRows } from '../data/rows.ts';
import { rowTemplate, withContext } from '../data/rowTemplate.ts';
import { columns, render, type Template, valueText } from '../data/template.ts';
import type { Experiment } from './schema.ts';

/** Rows of one file that lie in another one too, the same or nearly. */
export interface Leak {
  /** Absolute paths. */
  readonly file: string;
  readonly other: string;
  /** Lines of `file` and of `other`. */
  readonly pairs: readonly TextPair[];
}

/** What an experiment's files hold, besides what is trained on. */
export interface DataReport {
  readonly splits: readonly {
    readonly name: 'train' | 'validation' | 'test';
    readonly file: string;
    readonly rows: number;
    /** How often each expected answer stands there, the most frequent first; null where there are too many to count. */
    readonly balance: readonly (readonly [label: string, rows: number])[] | null;
  }[];
  /** Training rows in the validation or test rows: figures on those are too good. */
  readonly leaks: readonly Leak[];
  /** Training rows that ask the same and expect different answers. */
  readonly conflicts: readonly TextPair[];
}

/** More expected answers than this are no labels. */
const mostLabels = 30;

/**
 * Looks at the rows that an experiment names. Rows that are nearly the same take a second for every ten thousand.
 * @param near whether to look for those too
 * @throws SoftpromptError what reading and rendering rows throws
 */
export async function reportData({ data, template }: Experiment, near: boolean): Promise<DataReport> {
  const files = { train: data.train, validation: data.validation, test: data.test } as const;
  const splits: { name: 'train' | 'validation' | 'test'; file: string; texts: readonly Rendered[] }[] = [];
  for (const name of ['train', 'validation', 'test'] as const) {
    const file = files[name];
    if (file !== undefined) splits.push({ name, file, texts: rendered(await readRows(file), file, template) });
  }
  const [train, ...held] = splits;
  return {
    splits: splits.map(({ name, file, texts }) => ({ name, file, rows: texts.length, balance: balanceOf(texts) })),
    leaks: held.flatMap(({ file, texts }) => {
      const pairs = (near ? commonTexts : sameTexts)(train!.texts, texts);
      return pairs.length === 0 ? [] : [{ file: train!.file, other: file, pairs }];
    }),
    conflicts: conflicts(train!.texts),
  };
}

interface Rendered extends PlacedText {
  readonly target: string;
}

/**
 * What is asked in each row, without the template's own words, which would make all rows alike, and how it should be answered;
 * tokenised rows by their ids.
 */
function rendered(rows: readonly DataRow[], file: string, template: Experiment['template']): readonly Rendered[] {
  const read = template && rowTemplate(template);
  const [input, target] = read === undefined ? [] : [withContext(read.input, read), read.target];
  const fill = (each: Template | undefined, { values, line }: DataRow, column: string): string => {
    if (Object.hasOwn(values, 'input_ids')) return JSON.stringify(values[column] ?? null);
    return each === undefined ? JSON.stringify(values) : render(each, values, { file, line });
  };
  const asked = input === undefined ? [] : columns(input);
  const textOf = (row: DataRow): string =>
    asked.length === 0 || Object.hasOwn(row.values, 'input_ids')
      ? fill(input, row, 'input_ids')
      : asked.map((column) => valueText(column, row.values, { file, line: row.line })).join('\n');
  return rows.map((row) => ({
    text: textOf(row),
    target: fill(target, row, 'labels').trim(),
    line: row.line,
  }));
}

function balanceOf(texts: readonly Rendered[]): DataReport['splits'][number]['balance'] {
  const counts = new Map<string, number>();
  for (const { target } of texts) counts.set(target, (counts.get(target) ?? 0) + 1);
  if (counts.size > mostLabels || counts.size === texts.length) return null;
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
}

/** Pairs that are named one by one. */
const named = 5;

/** A report in lines, warnings first. */
export function dataLines({ splits, leaks, conflicts: wrong }: DataReport): readonly string[] {
  const lines: string[] = [];
  for (const { file, other, pairs } of leaks) {
    const same = pairs.filter(({ similarity }) => similarity === 1).length;
    const kinds = [same > 0 ? `${same} the same` : null, same < pairs.length ? `${pairs.length - same} nearly` : null];
    const which = kinds.filter((kind) => kind !== null).join(', ');
    lines.push(`Warning: ${pairs.length} row(s) of ${basename(other)} are in ${basename(file)} too (${which}):`);
    lines.push(...pairNames(pairs, other, file));
  }
  const train = splits[0]!.file;
  if (wrong.length > 0) {
    lines.push(
      `Warning: ${wrong.length} row(s) of ${basename(train)} ask the same as an earlier one and expect something else:`,
    );
    lines.push(...pairNames(wrong, train, train));
  }
  for (const { name, rows, balance } of splits) {
    const most = balance?.[0];
    const labels =
      balance === null ? '' : `: ${balance.map(([label, count]) => `${label || '""'} ${count}`).join(', ')}`;
    const share =
      most === undefined ? '' : ` (always "${most[0]}" would be right ${((100 * most[1]) / rows).toFixed(0)} %)`;
    lines.push(`${rows} ${name} rows${labels}${share}`);
  }
  return lines;
}

function pairNames(pairs: readonly TextPair[], other: string, file: string): readonly string[] {
  const lines = pairs.slice(0, named).map((pair) => {
    const near = pair.similarity === 1 ? '' : ` (${(100 * pair.similarity).toFixed(0)} % alike)`;
    return `  ${basename(other)}:${pair.other} and ${basename(file)}:${pair.line}${near}`;
  });
  return pairs.length > named ? [...lines, `  and ${pairs.length - named} more`] : lines;
}
