import type { DataRow } from '../data/dataRow.ts';
import { type RowTemplate, withContext, withoutContext } from '../data/rowTemplate.ts';
import { parseTemplate, render, type Template } from '../data/template.ts';
import { encodeInput } from '../data/templatedExample.ts';
import type { StoredAdapter } from '../methods/adapter.ts';
import type { Asking } from './asking.ts';
import { chooseShots, type HardPrompt, hardPromptText } from './hardPrompts.ts';
import { searchPrompt } from './promptSearch.ts';
import type { Question } from './questions.ts';
import type { Keeping } from './recall.ts';
import type { ArmResult, EvaluationProgress, FoundPrompt } from './result.ts';

/** What is compared, and what its arms read. */
export interface Compared extends Asking, Keeping {
  readonly adapters: readonly ComparedAdapter[];
  /** None for rows that are already tokenised. */
  readonly hardPrompts: readonly HardPrompt[];
  /** How rows of text are read; null for rows that are already tokenised. */
  readonly template: RowTemplate | null;
  /** Questions of validation rows, which prompts are searched with; null where none is searched. */
  readonly searched: readonly Question[] | null;
  /** Rows that shots are drawn from. */
  readonly trainRows: readonly DataRow[];
  readonly seed: number;
}

/** An adapter, or several of them as one. */
export interface ComparedAdapter {
  readonly label: string;
  /** Its folder, or what it is a combination of. */
  readonly detail: string;
  readonly adapter: Pick<StoredAdapter, 'method' | 'tensors' | 'bytes'>;
}

/** One arm: a model with or without an adapter, and what it reads for a row. */
export interface Arm
  extends Pick<ArmResult, 'name' | 'kind' | 'detail' | 'found' | 'without_context' | 'bytes' | 'trainable_parameters'> {
  readonly adapter: ComparedAdapter['adapter'] | null;
  readonly read: (question: Question) => readonly number[];
}

/** The arms in their order, the base model first; each that reads a context has one beside it that does not. */
export async function* armsOf(
  setup: Compared,
  signal: AbortSignal,
): AsyncGenerator<EvaluationProgress, readonly Arm[]> {
  const { language, adapters, template } = setup;
  const hardPrompts = yield* searchedPrompts(setup, signal);
  const none = { adapter: null, bytes: 0, trainable_parameters: 0 };
  const asIs = (question: Question) => question.inputIds;
  const encode = (text: string) => encodeInput(language.tokenizer, text, language.model.task);
  const bare = template === null ? null : withoutContext(template.input);
  const twice = (arm: Omit<Arm, 'read'>): readonly Arm[] => [
    { ...arm, read: asIs },
    ...(bare === null ? [] : [withoutIt({ ...arm, read: ({ values }) => encode(render(bare, values!)) })]),
  ];
  return [
    // A base model whose classifier is still to be trained has nothing to say.
    ...(language.model.untrained.length > 0 ? [] : twice({ name: 'base', kind: 'base', detail: null, ...none })),
    ...hardPrompts.flatMap((hard): readonly Arm[] => {
      const shots = shotsOf(setup, hard);
      const { name, prompt, found } = hard;
      const asking = (shown: Template): Arm => ({
        ...(found !== undefined && { found }),
        ...{ name, kind: 'hard_prompt', detail: shown.source, ...none },
        read: ({ values }) => encode(hardPromptText(shown, template!.target, shots, values!)),
      });
      const without = withoutContext(prompt);
      return [asking(withContext(prompt, template!)), ...(without === null ? [] : [withoutIt(asking(without))])];
    }),
    ...adapters.flatMap(({ label, detail, adapter }) => {
      const parameters = [...adapter.tensors.values()].reduce((n, data) => n + data.length, 0);
      const weight = { bytes: adapter.bytes, trainable_parameters: parameters };
      return twice({ name: label, kind: 'adapter', detail, adapter, ...weight });
    }),
  ];
}

/** An arm that reads no context, under its own name. */
function withoutIt(arm: Arm): Arm {
  return { ...arm, name: withoutContextName(arm.name), without_context: arm.name };
}

/** The name of the arm that is like another one, but for the rows' context. */
export function withoutContextName(arm: string): string {
  return `${arm} without context`;
}

/** The hard prompts, those that are to be searched for as they were found. */
async function* searchedPrompts(
  setup: Compared,
  signal: AbortSignal,
): AsyncGenerator<EvaluationProgress, readonly (HardPrompt & { readonly found?: FoundPrompt })[]> {
  const { language, adapters, hardPrompts, template, searched } = setup;
  const before = Number(language.model.untrained.length === 0);
  const prompts: (HardPrompt & { readonly found?: FoundPrompt })[] = [];
  for (const [i, hard] of hardPrompts.entries()) {
    if (hard.search === 0 || searched === null) {
      prompts.push(hard);
      continue;
    }
    const from = {
      ...{ ...setup, questions: searched, template: template! },
      ...{ shots: shotsOf(setup, hard), tries: hard.search },
    };
    const searching = searchPrompt(from, hard, signal);
    const place = { armIndex: before + i, arms: before + hardPrompts.length + adapters.length };
    let next = await searching.next();
    for (; !next.done; next = await searching.next()) {
      const { tried, row, rows } = next.value;
      yield { arm: `${hard.name}, prompt ${tried} of ${hard.search}`, ...place, row, rows };
    }
    prompts.push({ ...hard, prompt: parseTemplate(next.value.prompt), found: next.value });
  }
  return prompts;
}

function shotsOf({ trainRows, template, seed }: Compared, { shots }: HardPrompt): readonly DataRow[] {
  return shots === 0 ? [] : chooseShots(trainRows, template!.target, shots, seed);
}
