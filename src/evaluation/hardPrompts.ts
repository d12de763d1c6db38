import { shuffled } from '../data/batches.ts';
import type { DataRow } from '../data/dataRow.ts';
import { render, type Template } from '../data/template.ts';
import { Random } from '../foundation/random.ts';

/** A hand-written prompt, with training rows shown before it when it has shots. */
export interface HardPrompt {
  readonly name: string;
  readonly prompt: Template;
  readonly shots: number;
  /** Prompts to try on validation rows for a better one, this one included; 0 takes it as it is. */
  readonly search: number;
}

/**
 * The text that an arm with a hard prompt reads for a row: the shots, each with its answer and a blank line after it,
 * then the row.
 */
export function hardPromptText(
  prompt: Template,
  target: Template,
  shots: readonly DataRow[],
  values: DataRow['values'],
): string {
  const shown = shots.map((shot) => `${render(prompt, shot.values)}${render(target, shot.values)}\n\n`);
  return shown.join('') + render(prompt, values);
}

/** The rows a hard prompt shows: drawn by seed, one of each answer in turn as long as there are more, so that none is missing. */
export function chooseShots(
  rows: readonly DataRow[],
  target: Template,
  count: number,
  seed: number,
): readonly DataRow[] {
  const random = Random.of(seed, 'shots');
  const byAnswer = new Map<string, DataRow[]>();
  for (const row of shuffled(rows, () => random.uniform())) {
    const answer = render(target, row.values);
    const group = byAnswer.get(answer);
    if (group === undefined) byAnswer.set(answer, [row]);
    else group.push(row);
  }
  const chosen: DataRow[] = [];
  const groups = [...byAnswer.values()];
  for (let round = 0; chosen.length < Math.min(count, rows.length); round++) {
    for (const group of groups) {
      const row = group[round];
      if (row !== undefined && chosen.length < count) chosen.push(row);
    }
  }
  return shuffled(chosen, () => random.uniform());
}
