import { basename } from 'node:path';
import { commonTexts, conflicts, sameTexts, type TextPair } from '../data/duplicates.ts';
import { readRows } from '../data/rows.ts';
import { heldOut } from './heldOut.ts';
import { type RowText, rowTexts } from './rowTexts.ts';
import type { Experiment } from './schema.ts';

/** What rows are for. */
type SplitName = 'train' | 'validation' | 'test';

/** Training rows that lie in another file too, or among the rows that are set aside of their own, the same or nearly. */
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
    readonly name: SplitName;
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
export async function reportData(experiment: Experiment, near: boolean): Promise<DataReport> {
  const { data, template } = experiment;
  const textsOf = async (file: string) => rowTexts(await readRows(file), file, template);
  const all = await textsOf(data.train);
  const { train, validation } = splitOf(experiment, all);
  const splits: { readonly name: SplitName; readonly file: string; readonly texts: readonly RowText[] }[] = [
    { name: 'train', file: data.train, texts: train },
  ];
  if (validation !== null) splits.push({ name: 'validation', file: data.train, texts: validation });
  for (const name of ['validation', 'test'] as const) {
    const file = data[name];
    if (file !== undefined) splits.push({ name, file, texts: await textsOf(file) });
  }
  return {
    splits: splits.map(({ name, file, texts }) => ({ name, file, rows: texts.length, balance: balanceOf(texts) })),
    leaks: splits.slice(1).flatMap(({ file, texts }) => {
      const pairs = (near ? commonTexts : sameTexts)(train, texts);
      return pairs.length === 0 ? [] : [{ file: data.train, other: file, pairs }];
    }),
    conflicts: conflicts(all),
  };
}

/** The training rows, and those that `data.validation_split` sets aside; null where it sets none. */
function splitOf(
  experiment: Experiment,
  texts: readonly RowText[],
): { readonly train: readonly RowText[]; readonly validation: readonly RowText[] | null } {
  if (experiment.data.validation_split === undefined || texts.length < 2) return { train: texts, validation: null };
  const split = heldOut(experiment, texts);
  const pick = (indices: readonly number[]) => indices.map((i) => texts[i]!);
  return { train: pick(split.train), validation: pick(split.validation) };
}

function balanceOf(texts: readonly RowText[]): DataReport['splits'][number]['balance'] {
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
    const where =
      other === file
        ? `row(s) of ${basename(file)} that data.validation_split sets aside are among the rest too`
        : `row(s) of ${basename(other)} are in ${basename(file)} too`;
    lines.push(`Warning: ${pairs.length} ${where} (${which}):`);
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
