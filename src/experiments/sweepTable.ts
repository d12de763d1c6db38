import type { Combination, SweepPlan } from './sweepPlan.ts';
import type { TrialRecord } from './sweepStore.ts';

/** What a combination came to. */
export interface SweepRow {
  /** From 1, the best first. */
  readonly rank: number;
  readonly combination: number;
  readonly settings: Combination;
  /** `ended`: given up at a rung, for being worse than others. */
  readonly state: 'finished' | 'ended' | 'failed' | 'waiting';
  /** Steps that each seed took. */
  readonly steps: number;
  /** By seed, the lowest validation loss; null where it failed or did not begin. */
  readonly losses: readonly (number | null)[];
  /** Mean over the seeds; null where one has none. */
  readonly loss: number | null;
  /** Standard deviation over the seeds (n - 1); null for one seed. */
  readonly spread: number | null;
  readonly trainable_parameters: number | null;
  readonly error: string | null;
}

const order = ['finished', 'ended', 'failed', 'waiting'] as const;

/**
 * Every combination with what its seeds came to, the best first: those that were trained to the end, then those that ended
 * at a rung, the higher ones first, since losses after unlike numbers of steps cannot be compared.
 * @param trials by combination and seed
 */
export function sweepTable(plan: SweepPlan, trials: readonly (readonly TrialRecord[])[]): readonly SweepRow[] {
  const rows = plan.combinations.map((settings, combination) =>
    rowOf(plan, settings, combination, trials[combination]!),
  );
  const rung = ({ combination }: Omit<SweepRow, 'rank'>) =>
    Math.min(...trials[combination]!.map(({ rungs }) => rungs.length));
  const sorted = rows.sort(
    (a, b) =>
      order.indexOf(a.state) - order.indexOf(b.state) ||
      rung(b) - rung(a) ||
      (a.loss ?? Number.POSITIVE_INFINITY) - (b.loss ?? Number.POSITIVE_INFINITY) ||
      a.combination - b.combination,
  );
  return sorted.map((row, i) => ({ rank: i + 1, ...row }));
}

function rowOf(
  plan: SweepPlan,
  settings: Combination,
  combination: number,
  trials: readonly TrialRecord[],
): Omit<SweepRow, 'rank'> {
  const last = trials.map(({ rungs }) => rungs.at(-1));
  const losses = last.map((rung) => rung?.loss ?? null);
  const known = losses.filter((loss) => loss !== null);
  const whole = known.length === losses.length;
  const mean = known.reduce((sum, loss) => sum + loss, 0) / known.length;
  const spread = Math.sqrt(known.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / (known.length - 1));
  const error = trials.find((trial) => trial.error !== null)?.error ?? null;
  const begun = last.every((rung) => rung !== undefined);
  const done = trials.every(({ rungs }) => rungs.length === plan.rungs.length);
  return {
    combination,
    settings,
    state: error !== null ? 'failed' : !begun ? 'waiting' : done ? 'finished' : 'ended',
    steps: Math.max(0, ...last.map((rung) => rung?.step ?? 0)),
    losses,
    loss: whole ? mean : null,
    spread: whole && known.length > 1 ? spread : null,
    trainable_parameters: last[0]?.trainable_parameters ?? null,
    error,
  };
}

/**
 * What may be said of the best combination, in words: that one seed shows little, or whether the next one is further away
 * than the seeds of the two are spread (Welch's t of 2).
 */
export function sweepVerdict(rows: readonly SweepRow[], seeds: number): string {
  const [best, next] = rows.filter(({ state }) => state === 'finished');
  if (best === undefined) return 'No combination could be trained to the end.';
  if (seeds === 1) {
    return 'The order rests on one seed, and another may turn it round: give sweep.seeds to see how far seeds differ.';
  }
  if (next === undefined) return 'One combination alone was trained to the end.';
  const noise = Math.sqrt((best.spread! ** 2 + next.spread! ** 2) / seeds);
  const gap = next.loss! - best.loss!;
  return gap > 2 * noise
    ? `The best is better than the next by ${gap.toFixed(4)}, more than ${seeds} seeds differ by chance.`
    : `The best and the next are ${gap.toFixed(4)} apart, within what ${seeds} seeds differ by chance: take either.`;
}

/** The ranked table as texts, the heading first; combinations that did not begin are left out. */
export function sweepCells(rows: readonly SweepRow[], seeds: number): readonly (readonly string[])[] {
  const keys = Object.keys(rows[0]?.settings ?? {});
  const heading = ['rank', ...keys, 'loss', ...(seeds > 1 ? ['spread'] : []), 'steps', 'parameters', 'state'];
  const table = rows
    .filter(({ state }) => state !== 'waiting')
    .map((row) => [
      String(row.rank),
      ...keys.map((key) => valueText(row.settings[key])),
      row.loss?.toFixed(4) ?? '-',
      ...(seeds > 1 ? [row.spread?.toFixed(4) ?? '-'] : []),
      String(row.steps),
      row.trainable_parameters?.toLocaleString('en') ?? '-',
      row.state,
    ]);
  return [heading, ...table];
}

/** A combination in a line: 'training.learning_rate=0.3, method.r=4'. */
export function settingsText(settings: Combination): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${valueText(value)}`)
    .join(', ');
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
