import type { AdapterCard, CombinedFrom, RunRecord } from '../experiments/records.ts';
import { formatBytes, formatCount, formatFigure } from './figures.ts';
import { progressWords, type TrainingProgress } from './progress.ts';
import { canResume, type RunState, runStates } from './runState.ts';

/** What an adapter's row says of it; null is left out. */
export interface AdapterFacts {
  readonly name: string;
  readonly version: number;
  readonly bytes: number;
  readonly peftType: string | null;
  readonly readOnly: string | null;
  readonly virtualTokens: number | null;
  readonly card: AdapterCard | null;
}

/** 'commit-kind 3': the adapter's name and version, as arms of an evaluation are called too. */
export function adapterLabel(adapter: Pick<AdapterFacts, 'name' | 'version'>): string {
  return `${adapter.name} ${adapter.version}`;
}

/** The first metric of the last evaluation, in the order of its card, as 'accuracy 0.970'. */
export function leadingMetric(card: AdapterCard | null): string | null {
  const first = Object.entries(card?.metrics ?? {})[0];
  if (first !== undefined) return `${first[0]} ${formatFigure(first[1])}`;
  return card?.validation_loss == null ? null : `validation loss ${formatFigure(card.validation_loss)}`;
}

/** 'accuracy 0.970 · PROMPT_TUNING · 16 virtual tokens · 12 KB': what a narrow side bar must not cut off comes first. */
export function adapterDescription(adapter: AdapterFacts): string {
  const parts = [
    leadingMetric(adapter.card),
    adapter.peftType,
    adapter.readOnly === null ? null : 'read-only',
    adapter.virtualTokens === null ? null : `${adapter.virtualTokens} virtual tokens`,
    formatBytes(adapter.bytes),
  ];
  return parts.filter((part) => part !== null).join(' · ');
}

/** What the checks of an adapter say of it in short; 'none' where none ran. */
export function checkBadge(card: AdapterCard | null): 'none' | 'passed' | 'failed' {
  const checks = card?.checks ?? [];
  if (checks.some(({ passed }) => passed === false)) return 'failed';
  return checks.some(({ passed }) => passed === true) ? 'passed' : 'none';
}

/** A badge in a word or two for the adapter's row; null where there is nothing to say. */
export function badgeWords(card: AdapterCard | null): string | null {
  const failed = (card?.checks ?? []).filter(({ passed }) => passed === false).length;
  const words = {
    none: null,
    passed: 'checks passed',
    failed: `${failed} ${failed === 1 ? 'check' : 'checks'} failed`,
  };
  return words[checkBadge(card)];
}

/** Each check as a line of its name and what it found: figure and limit, or why there is none. */
function checkFacts(card: AdapterCard | null): readonly (readonly [string, string])[] {
  const states = new Map([
    [true, 'passed'],
    [false, 'FAILED'],
    [null, 'does not apply'],
  ]);
  return (card?.checks ?? []).map(({ name, figure, limit, passed, note, todo }) => {
    const found = figure === null ? (note ?? 'no number') : `${formatFigure(figure)}, limit ${formatFigure(limit)}`;
    return [
      `Check: ${name.replaceAll('_', ' ')}`,
      `${states.get(passed)}: ${found}${todo === undefined ? '' : `. ${todo}`}`,
    ];
  });
}

/** The adapter's row in full, as lines of name and value. */
export function adapterFacts(adapter: AdapterFacts): readonly (readonly [string, string])[] {
  const { card } = adapter;
  if (card === null) return [['From', 'another tool (no card.json)']];
  return [
    ['Made', card.created],
    ['Base model', card.base.model],
    ...(card.combined === undefined ? [] : combinedFacts(card.combined)),
    ...(card.data === null ? [] : [['Data', card.data.file] as const]),
    ...(card.run === null ? [] : [['Run', card.run] as const]),
    ['Seed', String(card.seed)],
    ['Trainable parameters', formatCount(card.trainable_parameters)],
    ...(card.run === null ? [] : [['Best step', String(card.best_step)] as const]),
    ...(card.validation_loss === null ? [] : [['Validation loss', formatFigure(card.validation_loss)] as const]),
    ...Object.entries(card.metrics).map(([name, value]) => [`Test ${name}`, formatFigure(value)] as const),
    ...checkFacts(card),
  ];
}

function combinedFacts({ method, adapters, residual }: CombinedFrom): readonly (readonly [string, string])[] {
  return [
    ['Combined', method],
    ...adapters.map(({ adapter, weight }) => [`Weight of ${adapter}`, String(weight)] as const),
    ['Error against the exact sum', formatFigure(residual)],
  ];
}

/** A run's row: '23 Nov 14:05:09', the local time of the ISO time `started`; to the second, since a small run takes no minute. */
export function runLabel(run: RunRecord): string {
  const started = new Date(run.started);
  if (Number.isNaN(started.getTime())) return run.id;
  const day = started.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
  return `${day} ${started.toLocaleTimeString('en-GB')}`;
}

/** Where a run stands: 'training · step 30 of 120 · …', 'interrupted at step 40 — resume'. */
export function runDescription(run: RunRecord, state: RunState, progress: TrainingProgress | null): string {
  const { words } = runStates[state];
  if (state === 'training') return progress === null ? `${words} · starting` : `${words} · ${progressWords(progress)}`;
  // The record of another process's run says little of where it is now.
  if (state === 'elsewhere') return words;
  if (state === 'finished') return `${words} · ${run.steps} steps`;
  const at = `${words} · step ${run.steps} of ${run.totalSteps}`;
  return canResume(run, state) ? `${at} — resume` : at;
}
