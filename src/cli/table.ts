/** Rows of text as aligned columns, the first left and the others right; the first row is the heading. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    widths.map((width, i) => (i === 0 ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width))).join('  ');
  const [heading, ...body] = rows.map((row) => line(row).trimEnd());
  return heading === undefined ? [] : [heading, widths.map((width) => '-'.repeat(width)).join('  '), ...body];
}
