/** Where a command writes: results to standard output, everything else to standard error. */
export interface Terminal {
  /** A line on standard output. */
  readonly out: (line: string) => void;
  /** A line on standard error. */
  readonly note: (line: string) => void;
  /** Standard error, for what is drawn over itself; null when it is no terminal. */
  readonly draw: ((text: string) => void) | null;
  readonly columns: number;
}

/** The terminal of this process. A reader that has gone away (`| head`) ends it quietly. */
export function processTerminal(): Terminal {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const { stdout, stderr } = process;
  return {
    out: (line) => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    draw: stderr.isTTY ? (text) => void stderr.write(text) : null,
    columns: stderr.columns ?? 80,
  };
}
