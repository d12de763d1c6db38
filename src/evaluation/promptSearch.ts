import { shuffled } from '../data/batches.ts';
import type { DataRow } from '../data/dataRow.ts';
import { type RowTemplate, withContext } from '../data/rowTemplate.ts';
import { parseTemplate } from '../data/template.ts';
import { encodeInput } from '../data/templatedExample.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import { type Asking, askAll, promptsOf } from './asking.ts';
import { type HardPrompt, hardPromptText } from './hardPrompts.ts';
import { editPrompt, promptPool } from './promptEdits.ts';
import type { Question } from './questions.ts';
import { type Ask, type Keeping, recallOrAsk } from './recall.ts';
import type { FoundPrompt } from './result.ts';

/** What a prompt is searched with. */
export interface PromptSearch extends Asking, Keeping {
  /** Of validation rows: what is found is never tried on the rows it will be judged by. */
  readonly questions: readonly Question[];
  readonly template: RowTemplate;
  readonly shots: readonly DataRow[];
  /** Prompts to try, the given one included. */
  readonly tries: number;
  readonly seed: number;
}

/** How far a search is. */
export interface SearchProgress {
  readonly tried: number;
  readonly row: number;
  readonly rows: number;
}

/** Rows that a candidate is scored on, at most; drawn by seed. */
const scoredRows = 128;

/** Edits that are drawn before the neighbourhood of a prompt counts as tried. */
const maxDraws = 200;

/**
 * Looks for a better hard prompt without gradients: from the given one and common templates on, it climbs by edits of the best
 * prompt so far, each tried on the validation rows, and goes where more rows are right or, for as many, where the expected answers
 * are likelier. Equal seeds find equal prompts.
 */
export async function* searchPrompt(
  search: PromptSearch,
  given: HardPrompt,
  signal: AbortSignal,
): AsyncGenerator<SearchProgress, FoundPrompt> {
  const random = Random.of(search.seed, 'prompt search');
  // A row that is shown with its answer would be right for that alone.
  const unseen = search.questions.filter(({ values }) => search.shots.every((shot) => shot.values !== values));
  const questions = shuffled(unseen, () => random.uniform()).slice(0, scoredRows);
  const pool = promptPool(given.prompt, search.template.input, search.choices?.labels ?? null);
  const waiting = shuffled([...new Set(pool.templates)], () => random.uniform());
  const tried = new Set([given.prompt.source]);
  const score = (source: string) => scored({ ...search, questions }, source, tried.size, signal);
  const first = yield* score(given.prompt.source);
  let best = { source: given.prompt.source, ...first };
  while (tried.size < search.tries) {
    const source = next(best.source, waiting, tried, () => editPrompt(best.source, pool, random));
    if (source === null) break;
    tried.add(source);
    try {
      const found = yield* score(source);
      if (found.right > best.right || (found.right === best.right && found.loss < best.loss))
        best = { source, ...found };
    } catch (error) {
      // A longer prompt than the given one may leave some row no room: it is none to go to.
      if (!SoftpromptError.is(error, 'prompt-length')) throw error;
    }
  }
  const rows = questions.length;
  return {
    prompt: best.source,
    given: given.prompt.source,
    tried: tried.size,
    rows,
    right: best.right,
    given_right: first.right,
  };
}

/** A prompt that was not tried: of those that wait, then an edit of the best one; null when there seems to be none. */
function next(best: string, waiting: string[], tried: ReadonlySet<string>, edited: () => string | null): string | null {
  for (let template = waiting.pop(); template !== undefined; template = waiting.pop()) {
    if (!tried.has(template)) return template;
  }
  for (let draw = 0; draw < maxDraws; draw++) {
    const candidate = edited();
    if (candidate !== null && candidate !== best && !tried.has(candidate)) return candidate;
  }
  return null;
}

interface Score {
  readonly right: number;
  /** Mean over the rows of the expected answer's loss. */
  readonly loss: number;
}

async function* scored(
  search: PromptSearch,
  source: string,
  tried: number,
  signal: AbortSignal,
): AsyncGenerator<SearchProgress, Score> {
  const { language, questions, choices, maxNewTokens, template, shots } = search;
  const prompt = withContext(parseTemplate(source), template);
  // Where labels are ranked nobody reads what would have been written.
  const asking = { language, questions, choices, maxNewTokens: choices === null ? maxNewTokens : 1, sampling: null };
  const read = ({ values }: Question) =>
    encodeInput(language.tokenizer, hardPromptText(prompt, template.target, shots, values!), language.model.task);
  const prompts = await promptsOf(asking, read, signal);
  const ask: Ask = (attached, known) => askAll(asking, attached, prompts, known, signal);
  const asked = recallOrAsk(search, asking, null, prompts, ask, signal);
  let next = await asked.next();
  for (; !next.done; next = await asked.next()) yield { tried, row: next.value, rows: questions.length };
  const { answers } = next.value;
  const loss = answers.reduce((sum, { target_loss }) => sum + target_loss, 0) / answers.length;
  return { right: answers.filter(({ correct }) => correct).length, loss };
}
