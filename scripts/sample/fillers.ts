/**
 * Which fillers a text may use. Every filler list is cut by position: tuning and validation rows of an experiment use
 * the even entries, its held-out test rows the odd ones, and pre-training uses all of them.
 */
export type Half = 'tuning' | 'heldOut' | 'both';

/** The entries of a filler list that a half may use, in the list's order. */
export function fillersOf<T>(list: readonly T[], half: Half): T[] {
  if (half === 'both') return [...list];
  const parity = half === 'tuning' ? 0 : 1;
  return list.filter((_, i) => i % 2 === parity);
}

/** A list of words written as one line. */
export function words(line: string): string[] {
  return line.trim().split(/\s+/);
}

/** A list of phrases written with commas. */
export function phrases(line: string): string[] {
  return line.split(',').map((phrase) => phrase.trim().replace(/\s+/g, ' '));
}

/** Fills `{name}` places of a template; `{Name}` takes the same value with a capital. */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w)(\w*)\}/g, (_, first: string, rest: string) => {
    const value = values[first.toLowerCase() + rest];
    if (value === undefined) throw new Error(`template "${template}" has no value for ${first}${rest}`);
    return first === first.toLowerCase() ? value : capitalised(value);
  });
}

/** The text with its first letter as a capital. */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
