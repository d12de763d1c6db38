import { explain, isAbort } from '../foundation/errors.ts';

/** 0 done, 1 the work failed (or was stopped), 2 the request was wrong. */
export const exitStatus = { done: 0, failed: 1, refused: 2 } as const;

/** What an error says on standard error, and the status it ends the command with. */
export function reportOf(error: unknown): { readonly lines: readonly string[]; readonly status: number } {
  const { what, todo, fault } = explain(error);
  const status = fault === 'work' || isAbort(error) ? exitStatus.failed : exitStatus.refused;
  return { lines: [`softprompt: ${what}`, ...(todo === undefined ? [] : [`  ${todo}`])], status };
}
