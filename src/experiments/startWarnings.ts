import type { TooLong } from '../data/tokenizeRows.ts';
import type { StartEvent } from '../training/events.ts';

/** Rows that are named one by one. */
const named = 5;

/** What a person should know of the rows of a run before believing its figures. */
export function startWarnings(start: StartEvent): readonly string[] {
  const { rows_left_out, rows_left_out_at, rows_unsupervised, rows_leaked, rows_conflicting } = start;
  return [
    ...(rows_left_out === undefined ? [] : [tooLongLine(rows_left_out, rows_left_out_at ?? [])]),
    ...(rows_unsupervised === undefined
      ? []
      : [`${rows_unsupervised} training row(s) have no supervised token: nothing is learnt from them.`]),
    ...(rows_leaked === undefined
      ? []
      : [`${rows_leaked} validation or test row(s) are training rows too: figures on them are too good.`]),
    ...(rows_conflicting === undefined
      ? []
      : [`${rows_conflicting} training row(s) ask the same as another one and expect something else.`]),
  ];
}

/** How many rows are left out for their length, and the first of them by name. */
export function tooLongLine(count: number, rows: readonly TooLong[]): string {
  const names = rows.slice(0, named).map(({ file, line, tokens }) => {
    const name = file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1);
    return `${name}:${line} (${tokens} tokens)`;
  });
  const which = names.length === 0 ? '' : `: ${names.join(', ')}${count > names.length ? ' ...' : ''}`;
  return `${count} row(s) are longer than the model has room for and were left out${which}.`;
}
