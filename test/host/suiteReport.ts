/** What the suite inside the extension host tells the runner outside. */
export interface SuiteReport {
  /** Where it ran, for people. */
  readonly host: string;
  /** `vscode.version`. */
  readonly version: string;
  readonly tests: readonly SuiteTest[];
}

/** One test of the suite. */
export interface SuiteTest {
  readonly title: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly error?: string;
}

/** Console lines of the extension host between these two are the suite's own. */
export const suiteMarks = { begin: '--- suite begins', end: '--- suite ends' } as const;
