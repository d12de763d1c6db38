import {
  compareMethods,
  type MethodBudget,
  type MethodComparison,
  methodExperiments,
} from '../experiments/compareMethods.ts';
import { type ComparisonRow, comparisonTable } from '../experiments/comparisonTable.ts';
import { engineEvaluation, openEachTime } from '../experiments/engineEvaluation.ts';
import { trainingEngine } from '../experiments/engineTraining.ts';
import type { Environment } from '../experiments/environment.ts';
import { readExperiment } from '../experiments/experimentFile.ts';
import { findRate } from '../experiments/findRate.ts';
import type { Experiment } from '../experiments/schema.ts';
import { findStore } from '../experiments/store.ts';
import { KeptPlace, type PlaceOf } from '../experiments/trainingPlace.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { suggestedRate, type TriedRate } from '../training/rateRange.ts';
import { showProgress } from './evaluate.ts';
import { exitStatus } from './exitStatus.ts';
import { interruptible } from './interrupt.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt compare-methods`. */
export interface CompareMethodsOptions {
  readonly methods?: readonly string[];
  readonly steps?: number;
  readonly seconds?: number;
  readonly findLr?: boolean;
  readonly format: ComparisonFormat;
  readonly set: readonly string[];
  readonly device?: string;
}

/** How the table can be written. */
export type ComparisonFormat = keyof typeof formats;

/** Trains the same rows with several methods under one budget and compares them. */
export async function compare(
  file: string,
  { methods: names, steps, seconds, findLr, format, set, device }: CompareMethodsOptions,
  terminal: Terminal,
  env: Environment,
): Promise<number> {
  if (steps !== undefined && seconds !== undefined) {
    throw new SoftpromptError('option-invalid', { option: '--steps', problem: 'goes without --seconds only' });
  }
  const budget: MethodBudget = steps !== undefined ? { steps } : seconds !== undefined ? { seconds } : null;
  const store = findStore(file, process.cwd());
  const loaded = await readExperiment(file, device === undefined ? set : [...set, `training.device=${device}`]);
  const methods = methodExperiments(loaded, names ?? null, budget);
  const place = new KeptPlace();
  const engines = {
    training: trainingEngine(place.of),
    evaluation: engineEvaluation(openEachTime, env),
    residentBytes: () => process.memoryUsage.rss(),
    rateOf:
      findLr === true
        ? (experiment: Experiment, signal: AbortSignal) => rateOf(place.of, experiment, terminal, signal)
        : null,
  };
  try {
    const compared = await interruptible(
      () => terminal.note('\nStopping.'),
      async (signal) => {
        const events = compareMethods(engines, { store, loaded, methods, budget }, signal, env);
        let next = await events.next();
        for (; !next.done; next = await events.next()) {
          const { value } = next;
          if ('evaluated' in value) showProgress(value.evaluated, terminal);
          if (!('trained' in value)) continue;
          const { method, error, steps, seconds } = value.trained;
          terminal.note(`${method}: ${error ?? `${steps} steps in ${seconds.toFixed(1)} s`}`);
        }
        return next.value;
      },
    );
    for (const line of formats[format](compared)) terminal.out(line);
    return compared.trainings.every(({ error }) => error !== null) ? exitStatus.failed : exitStatus.done;
  } finally {
    await place.close();
  }
}

/** Rates and steps at each, of a search for one method's. */
const range = { rates: 7, steps: 8 } as const;

/** The learning rate that a short search suggests; null where the loss falls at none. */
async function rateOf(
  place: PlaceOf,
  experiment: Experiment,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number | null> {
  const tried: TriedRate[] = [];
  for await (const rate of findRate(place, experiment, range, signal)) tried.push(rate);
  signal.throwIfAborted();
  const rate = suggestedRate(tried);
  const { method, training } = experiment;
  if (rate === null) {
    terminal.note(`${method.peft_type}: the loss falls at none of the rates tried; it keeps ${training.learning_rate}`);
  }
  return rate;
}

type Column = readonly [heading: string, value: (row: ComparisonRow) => string | number | null];

/** The columns behind the score's; numbers as they are measured. */
const columns: readonly Column[] = [
  ['parameters', (row) => row.parameters],
  ['%', (row) => row.trainable_percent],
  ['bytes', (row) => row.bytes],
  ['learning rate', (row) => row.learning_rate],
  ['steps', (row) => row.steps],
  ['training s', (row) => row.training_seconds],
  ['tokens/s', (row) => row.training_tokens_per_second],
  ['memory MiB', (row) => row.training_memory_bytes && row.training_memory_bytes / 2 ** 20],
  ['swap ms', (row) => row.swap_ms],
  ['first token ms', (row) => row.first_token_ms],
  ['token ms', (row) => row.token_ms],
  ['error', (row) => row.error],
];

const formats = {
  markdown: (compared: MethodComparison) => {
    const { metric, rows } = comparisonTable(compared);
    const failed = rows.some(({ error }) => error !== null);
    const shown = columns.filter(([heading]) => failed || heading !== 'error');
    const cells = rows.map((row) => [
      row.name,
      short(row.score, 3),
      row.pareto ? '*' : '',
      ...shown.map(([, value]) => short(value(row))),
    ]);
    const line = (values: readonly string[]) =>
      `| ${values.map((value) => value.replaceAll('|', '\\|')).join(' | ')} |`;
    const heading = ['method', metric, 'front', ...shown.map(([name]) => name)];
    const { evaluation } = compared;
    return [
      line(heading),
      `|${heading.map((_, i) => (i === 0 ? ' --- ' : ' ---: ')).join('|')}|`,
      ...cells.map(line),
      '',
      '*: on the front; nothing else scores as well with as few bytes in as little training time.',
      ...[...(evaluation.verdicts ?? []), ...(evaluation.remarks ?? [])].map((sentence) => `- ${sentence}`),
    ];
  },
  csv: (compared: MethodComparison) => {
    const { metric, rows } = comparisonTable(compared);
    const line = (values: readonly (string | number | null)[]) => values.map(quoted).join(',');
    return [
      line(['method', metric, 'front', ...columns.map(([name]) => name)]),
      ...rows.map((row) => line([row.name, row.score, Number(row.pareto), ...columns.map(([, value]) => value(row))])),
    ];
  },
  json: (compared: MethodComparison) => {
    const { metric, rows } = comparisonTable(compared);
    const { verdicts = [], pairs = [], id } = compared.evaluation;
    return [JSON.stringify({ evaluation: id, metric, methods: rows, verdicts, pairs })];
  },
} satisfies Record<string, (compared: MethodComparison) => readonly string[]>;

function short(value: string | number | null, digits?: number): string {
  if (value === null) return '-';
  if (typeof value === 'string') return value;
  if (digits !== undefined) return value.toFixed(digits);
  return Number.isInteger(value) ? value.toLocaleString('en') : String(Number(value.toPrecision(3)));
}

/** A cell of CSV (RFC 4180). */
function quoted(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
