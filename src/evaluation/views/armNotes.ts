import type { ArmResult, FoundPrompt } from '../result.ts';
import { count } from './figureText.ts';

/** How many of an arm's answers an evaluation before gave; null where none. */
export function cachedNote({ cached_rows: cached = 0 }: ArmResult, rows: number): string | null {
  return cached === 0 ? null : `${count(cached)} of ${count(rows)} rows from an earlier evaluation`;
}

/** What a searched prompt was worth where it was searched. */
export function foundNote({ tried, rows, right, given_right }: FoundPrompt): string {
  const share = (of: number): string => (rows === 0 ? '' : ` (${Math.round((100 * of) / rows)} %)`);
  return `The best of ${count(tried)} tried: ${count(right)} of ${count(rows)} validation rows right${share(right)}, ${count(given_right)}${share(given_right)} with the given one.`;
}
