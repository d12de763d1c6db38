import { columns, parseTemplate, type Template, templateOf } from './template.ts';

/** How a row of text is read and answered. */
export interface RowTemplate {
  /** What the model reads; it says `{{context}}` where the row's context stands, if there is one. */
  readonly input: Template;
  /** How a row's context (text that was retrieved for it) is shown. */
  readonly context: Template;
  readonly target: Template;
}

/** The column that holds what was retrieved for a row, and the place in a template where it stands. */
const contextColumn = 'context';

/**
 * The templates of an experiment. Where `context` is given and the input has no place for it, it stands before the input; where
 * none is given, a context is shown as it is.
 * @throws SoftpromptError template-invalid
 */
export function rowTemplate(given: {
  readonly input: string;
  readonly target: string;
  readonly context?: string | undefined;
}): RowTemplate {
  const input = parseTemplate(given.input);
  const target = parseTemplate(given.target);
  const place = { column: contextColumn };
  if (given.context === undefined) return { input, context: templateOf([place]), target };
  const placed = readsContext(input) ? input : templateOf([place, ...input.parts]);
  return { input: placed, context: parseTemplate(given.context), target };
}

/** A template with the context in its place; without such a place, the template itself. */
export function withContext(template: Template, { context }: Pick<RowTemplate, 'context'>): Template {
  if (!readsContext(template)) return template;
  return templateOf(template.parts.flatMap((part) => (isPlace(part) ? context.parts : [part])));
}

/** A template with nothing in the place of the context; null where it has no such place. */
export function withoutContext(template: Template): Template | null {
  return readsContext(template) ? templateOf(template.parts.filter((part) => !isPlace(part))) : null;
}

function readsContext(template: Template): boolean {
  return columns(template).includes(contextColumn);
}

function isPlace(part: Template['parts'][number]): boolean {
  return typeof part !== 'string' && part.column === contextColumn;
}
