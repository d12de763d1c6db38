import type { EvaluationResult } from '../evaluation/result.ts';
import { foundNote } from '../evaluation/views/armNotes.ts';
import { avoidedTable } from '../evaluation/views/avoidedTable.ts';
import { costTable } from '../evaluation/views/costs.ts';
import { guardTables, untouchedLines } from '../evaluation/views/forgetting.ts';
import { h } from './dom.ts';
import { figureTable } from './figureTable.ts';

/** What each arm costs, folded; nothing where that was not measured. */
export function costFigures(result: EvaluationResult): readonly HTMLElement[] {
  const table = costTable(result);
  return table === null ? [] : [folded(table.title, figureTable(table))];
}

/** The hard prompts in full, folded, and of those that a search ended with what they were worth. */
export function hardPrompts({ arms }: EvaluationResult): readonly HTMLElement[] {
  const hard = arms.filter(({ kind, without_context }) => kind === 'hard_prompt' && without_context === undefined);
  if (hard.length === 0) return [];
  const searched = hard.filter(({ found }) => found !== undefined).length;
  return [
    folded(
      `Hard prompts (${hard.length}${searched === 0 ? '' : `, ${searched} searched`})`,
      ...hard.flatMap(({ name, detail, found }) => [
        h('h4', {}, name),
        ...(found === undefined ? [] : [h('p', { class: 'key' }, foundNote(found))]),
        h('pre', {}, found?.prompt ?? detail ?? ''),
        ...(found === undefined || found.given === found.prompt
          ? []
          : [h('p', { class: 'key' }, 'It began with'), h('pre', {}, found.given)]),
      ]),
    ),
  ];
}

/** What the arms are on the guards' rows, and whether the base model is what it was; nothing without guards. */
export function forgetting(result: EvaluationResult): readonly HTMLElement[] {
  const tables = guardTables(result);
  const lines = untouchedLines(result.arms);
  if (tables.length === 0 && lines.length === 0) return [];
  return [
    h('h3', {}, 'Forgetting'),
    h('div', { class: 'side' }, ...tables.map((table) => h('div', {}, h('h4', {}, table.title), figureTable(table)))),
    ...lines.map(({ text, same }) =>
      h('p', { class: same ? 'better' : 'worse' }, h('span', { 'aria-hidden': 'true' }, same ? '✓ ' : '✗ '), text),
    ),
  ];
}

/** How likely the arms find what is to be avoided; nothing where nothing is. */
export function avoided(result: EvaluationResult): readonly HTMLElement[] {
  const table = avoidedTable(result);
  return table === null ? [] : [h('h3', {}, table.title), figureTable(table)];
}

function folded(title: string, ...content: readonly HTMLElement[]): HTMLElement {
  return h('details', { class: 'folded' }, h('summary', {}, title), ...content);
}
