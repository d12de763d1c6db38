import { errorWords, type Words } from './errorWords.ts';

type WordTable = typeof errorWords;
/** The closed set of reasons. */
export type ErrorReason = keyof WordTable;
/** The details a reason carries. */
export type ErrorDetails<R extends ErrorReason> = Parameters<WordTable[R]>[0];

/** An error with a reason; its message is the words of the table. */
export class SoftpromptError<R extends ErrorReason = ErrorReason> extends Error {
  readonly reason: R;
  readonly details: ErrorDetails<R>;

  constructor(reason: R, details: ErrorDetails<R>, options?: { cause?: unknown }) {
    const { what, todo } = wordsOf(reason, details);
    super(todo === undefined ? what : `${what} ${todo}`, options);
    this.name = 'SoftpromptError';
    this.reason = reason;
    this.details = details;
  }

  /** Whether `error` is one of ours, and of this reason when one is given. */
  static is<Q extends ErrorReason = ErrorReason>(error: unknown, reason?: Q): error is SoftpromptError<Q> {
    return error instanceof SoftpromptError && (reason === undefined || error.reason === reason);
  }
}

/** The words of a reason with its details. */
export function wordsOf<R extends ErrorReason>(reason: R, details: ErrorDetails<R>): Words {
  return (errorWords[reason] as (d: ErrorDetails<R>) => Words)(details);
}

/** The words for anything that was thrown; what is not one of ours counts as our own fault. */
export function explain(error: unknown): Words {
  if (SoftpromptError.is(error)) return wordsOf(error.reason, error.details);
  if (isAbort(error)) return wordsOf('cancelled', {});
  if (isSystemError(error)) {
    const problem = systemProblems.get(error.code) ?? error.message;
    return wordsOf('file-system', { path: error.dest ?? error.path ?? null, problem });
  }
  return wordsOf('internal', { problem: error instanceof Error ? error.message : String(error) });
}

/** What the system says when it cannot do something to a file, most of it while writing, in plain words. */
const systemProblems: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'no permission to write there'],
  ['EPERM', 'no permission to write there'],
  ['EROFS', 'lies on a disk that is read-only'],
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the disk quota is used up'],
  ['ENOTDIR', 'a part of this path is a file, not a folder'],
  ['EEXIST', 'is a file, where a folder is needed'],
]);

/** An error of the operating system, as Node throws it. */
interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
  /** Where something was to be moved. */
  readonly dest?: string;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

/** Whether the error only says that somebody asked to stop. */
export function isAbort(error: unknown): boolean {
  return SoftpromptError.is(error, 'cancelled') || (error instanceof Error && error.name === 'AbortError');
}
