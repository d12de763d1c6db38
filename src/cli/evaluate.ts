import { relative } from 'node:path';
import { type ArmResult, type EvaluationProgress, type EvaluationResult, isBase } from '../evaluation/result.ts';
import { engineEvaluation, openEachTime } from '../experiments/engineEvaluation.ts';
import type { Environment } from '../experiments/environment.ts';
import { evaluateExperiment } from '../experiments/evaluateExperiment.ts';
import { readExperiment } from '../experiments/experimentFile.ts';
import { resolveAdapter } from '../experiments/library.ts';
import { findStore } from '../experiments/store.ts';
import { avoidedLines } from './avoided.ts';
import { costLines } from './cost.ts';
import { exitStatus } from './exitStatus.ts';
import { forgettingLines } from './forgetting.ts';
import { interruptible } from './interrupt.ts';
import { formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt evaluate`. */
export interface EvaluateOptions {
  readonly adapter: readonly string[];
  readonly set: readonly string[];
  readonly device?: string;
  readonly json?: boolean;
}

/** Compares adapters with the base model and the experiment's hard prompts on its test rows. */
export async function evaluate(
  file: string,
  options: EvaluateOptions,
  terminal: Terminal,
  env: Environment,
): Promise<number> {
  const store = findStore(file, process.cwd());
  const settings = options.device === undefined ? options.set : [...options.set, `training.device=${options.device}`];
  const loaded = await readExperiment(file, settings);
  const adapters = options.adapter.map((reference) => resolveAdapter(store, reference, process.cwd()));
  const result = await interruptible(
    () => terminal.note('\nStopping.'),
    async (signal) => {
      const request = { store, loaded, adapters, runId: null };
      const events = evaluateExperiment(engineEvaluation(openEachTime, env), request, signal, env);
      let next = await events.next();
      for (; !next.done; next = await events.next()) if (options.json !== true) showProgress(next.value, terminal);
      return next.value;
    },
  );
  if (options.json === true) {
    terminal.out(JSON.stringify(result));
    return exitStatus.done;
  }
  for (const line of comparison(result)) terminal.out(line);
  return exitStatus.done;
}

/** An evaluation as a table of arms against figures, with what it means in words. */
export function comparison(result: EvaluationResult): string[] {
  const kept = result.arms.some(({ cached_rows }) => cached_rows !== undefined);
  const heading = [
    'arm',
    ...result.metrics,
    ...(result.custom_metrics ?? []),
    'won',
    'lost',
    'seconds',
    'parameters',
    'bytes',
    ...(kept ? ['kept'] : []),
  ];
  const row = (arm: ArmResult): string[] => [
    arm.name,
    ...result.metrics.map((metric) => figure(arm.metrics[metric])),
    ...(result.custom_metrics ?? []).map((name) => figure(arm.custom?.[name])),
    isBase(arm) ? '' : String(arm.wins),
    isBase(arm) ? '' : String(arm.losses),
    arm.seconds.toFixed(1),
    arm.trainable_parameters.toLocaleString('en'),
    arm.bytes.toLocaleString('en'),
    ...(kept ? [keptText(arm.cached_rows ?? 0, result.rows.length)] : []),
  ];
  return [
    `${result.rows.length} rows of ${shortPath(result.data)}`,
    '',
    ...formatTable([heading, ...result.arms.map(row)]),
    '',
    'won, lost: rows right here and wrong with the base model, and the other way round.',
    ...(kept
      ? ['kept: rows whose answers are those of an evaluation before, of the same model, adapter and rows.']
      : []),
    ...(result.verdicts ?? []),
    ...(result.remarks ?? []),
    ...result.arms.flatMap(foundLines),
    ...avoidedLines(result),
    ...forgettingLines(result),
    ...costLines(result),
  ];
}

/** The text that a search ended with, and what it was worth on the validation rows. */
function foundLines({ name, found }: ArmResult): string[] {
  if (found === undefined) return [];
  const { prompt, given, tried, rows, right, given_right } = found;
  const worth = `${right} of ${rows} validation rows right, ${given_right} with the given one`;
  const what = prompt === given ? 'the given prompt stayed the best' : 'found';
  return ['', `${name}: ${what}, of ${tried} tried (${worth}):`, ...prompt.split('\n').map((line) => `  ${line}`)];
}

function keptText(kept: number, rows: number): string {
  return kept === 0 ? '' : kept === rows ? 'all' : String(kept);
}

function figure(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : value.toFixed(3);
}

/** Shows how far an evaluation is: drawn over itself on a terminal, else a line an arm. */
export function showProgress({ arm, armIndex, arms, row, rows }: EvaluationProgress, terminal: Terminal): void {
  if (terminal.draw !== null) {
    const last = armIndex === arms - 1 && row === rows;
    terminal.draw(last ? '\r\u001b[K' : `\r${arm} (${armIndex + 1} of ${arms}): row ${row} of ${rows}\u001b[K`);
  } else if (row === rows) {
    terminal.note(`${arm} (${armIndex + 1} of ${arms}): ${rows} rows`);
  }
}

/** A file as a person names it from here. */
function shortPath(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith('..') ? file : path;
}
