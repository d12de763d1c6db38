import { hostname, userInfo } from 'node:os';

/** What experiments take from the world around them; a parameter so that tests can fix it. */
export interface Environment {
  readonly now: () => Date;
  /** Uniform in [0, 1); only for names, never for training. */
  readonly random: () => number;
  readonly pid: number;
  readonly user: string;
  readonly host: string;
}

/** The real surroundings of this process. */
export function processEnvironment(): Environment {
  return { now: () => new Date(), random: Math.random, pid: process.pid, user: userName(), host: hostname() };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id that has no name.
    return 'unknown';
  }
}
