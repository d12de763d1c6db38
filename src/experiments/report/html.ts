/** Markup that is safe to stand in a page as it is: only `html` makes it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: markup as it is, lists of it one after the other, anything else as text. */
type Part = Html | string | number | readonly Part[];

/** Markup from a template; whatever is put into it that is not markup itself is escaped, in text and quoted attributes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, i) => (i === 0 ? text : markup(parts[i - 1]!) + text)).join(''));
}

function markup(part: Part): string {
  if (part instanceof Html) return part.text;
  return Array.isArray(part) ? part.map(markup).join('') : escaped(String(part));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters that HTML does not allow, and halves of characters, become the replacement character. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\P{Cc}\t\n\r]/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => entities[character]!);
}
