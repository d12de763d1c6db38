import { sweepCells, sweepVerdict } from '../experiments/sweepTable.ts';
import type { SweepReport } from '../worker/protocol.ts';

/** What a sweep came to as Markdown: what may be said of it, the ranked table, and what failed and why. */
export function sweepDocument(name: string, { rows, seeds, finished, adapter }: SweepReport): string {
  const [heading, ...cells] = sweepCells(rows, seeds) as readonly [readonly string[], ...(readonly string[])[]];
  const line = (values: readonly string[]): string => `| ${values.map(cell).join(' | ')} |`;
  const rule = `| ${heading.map((_, i) => (i === 0 ? '---:' : '---')).join(' | ')} |`;
  const failed = rows.filter(({ error }) => error !== null);
  return [
    `# Sweep of ${name}`,
    '',
    finished ? sweepVerdict(rows, seeds) : 'Stopped before its end. “Run Sweep” goes on with it.',
    '',
    line(heading),
    rule,
    ...cells.map(line),
    ...(failed.length === 0
      ? []
      : ['', '## What failed', '', ...failed.map((row) => `- rank ${row.rank}: ${plain(row.error!)}`)]),
    ...(adapter === null ? [] : ['', `The best one’s adapter: \`${adapter}\``]),
    '',
  ].join('\n');
}

function cell(text: string): string {
  return plain(text).replaceAll('|', '\\|');
}

/** Text that Markdown reads as it is written, in one line. */
function plain(text: string): string {
  return text.replace(/\s*\r?\n\s*/g, ' ').replace(/[\\`*_[\]<>#]/g, '\\$&');
}
