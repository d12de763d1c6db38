import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Random } from '../foundation/random.ts';
import { untilAborted } from './untilAborted.ts';

/** A metric that is a module beside the data, which exports `metric(rows) => number`, at once or as a promise. */
export interface CustomMetric {
  readonly name: string;
  /** Absolute path of a JavaScript module, or of a TypeScript one where Node strips types. */
  readonly file: string;
}

/** What the module reads of a row. */
export interface CustomMetricRow {
  readonly input: string;
  readonly expected: string;
  readonly answer: string;
}

/** Milliseconds that a module may take for an arm. */
const patience = 60_000;
/** MiB of JavaScript values that it may hold. */
const room = 512;

/** Milliseconds that resamples may take, and the most numbers that say which rows they draw. */
const [resamplingTime, mostDrawn] = [20_000, 5e6];
/** Most resamples, and the fewest that are worth anything. */
const [mostResamples, fewestResamples] = [2000, 200];

/** What the thread says: a number and those of the resamples, or why there is none, and the row that it looked at last, from 0. */
type Said =
  | { readonly value: unknown; readonly drawn: readonly (readonly unknown[])[] }
  | { readonly problem: string; readonly line?: number; readonly row?: number };

/** Runs in the thread, as CommonJS. Rows are watched, so that a failure can be laid to the one it happened at. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
const { url, arms, draws, time } = workerData;
let row;
const rows = new Proxy(arms[0], {
  get(all, key) {
    if (typeof key === 'string' && /^[0-9]+$/.test(key) && Number(key) < all.length) row = Number(key);
    return all[key];
  },
});
import(url)
  .then(async ({ metric }) => {
    if (typeof metric !== 'function') return { problem: 'exports no function called metric' };
    const value = draws === null ? await metric(rows) : 0;
    const drawn = [];
    const until = performance.now() + time;
    const count = arms[0].length;
    for (let at = 0; draws !== null && at < draws.length && performance.now() < until; at += count) {
      const one = [];
      for (const arm of arms) one.push(await metric(Array.from(draws.subarray(at, at + count), (i) => arm[i])));
      drawn.push(one);
    }
    return { value: typeof value === 'number' ? value : String(value), drawn };
  })
  .catch((error) => {
    const said = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? String(error.stack) : '';
    const at = stack.indexOf(url + ':');
    const line = at < 0 ? undefined : Number.parseInt(stack.slice(at + url.length + 1), 10);
    return { problem: 'fails: ' + said, line, row };
  })
  .then((said) => parentPort.postMessage(said));
`;

/**
 * The metric of an arm's rows. The module runs in a thread of its own, so that one without an end is stopped: when it takes
 * longer than `limit` milliseconds, or when the signal says so. What it prints is dropped.
 * @throws SoftpromptError metric-failed, cancelled
 */
export async function customFigure(
  metric: CustomMetric,
  rows: readonly CustomMetricRow[],
  signal: AbortSignal,
  limit: number = patience,
): Promise<number> {
  const { value } = await inThread(metric, { arms: [rows], draws: null, time: 0 }, signal, limit);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw failure(metric, `gives ${String(value)}, which is no finite number`);
}

/**
 * The metric on resamples of the rows, every arm drawn alike: `[resamples][arms]`, null where it gives no finite number. As many as
 * `time` milliseconds allow.
 * @returns none where those are too few to say anything
 * @throws SoftpromptError metric-failed, cancelled
 */
export async function customResamples(
  metric: CustomMetric,
  arms: readonly (readonly CustomMetricRow[])[],
  random: Random,
  signal: AbortSignal,
  time: number = resamplingTime,
): Promise<readonly (readonly (number | null)[])[]> {
  const count = arms[0]?.length ?? 0;
  const resamples = Math.min(mostResamples, Math.floor(mostDrawn / Math.max(1, count)));
  if (count === 0 || arms.length < 2 || resamples < fewestResamples) return [];
  const draws = Uint32Array.from({ length: resamples * count }, () => random.integer(count));
  const { drawn } = await inThread(metric, { arms, draws, time }, signal, patience);
  if (drawn.length < fewestResamples) return [];
  return drawn.map((each) => each.map((x) => (typeof x === 'number' && Number.isFinite(x) ? x : null)));
}

async function inThread(
  metric: CustomMetric,
  work: {
    readonly arms: readonly (readonly CustomMetricRow[])[];
    readonly draws: Uint32Array | null;
    readonly time: number;
  },
  signal: AbortSignal,
  limit: number,
): Promise<Extract<Said, { drawn: unknown }>> {
  const thread = new Worker(program, {
    ...{ eval: true, stdout: true, stderr: true },
    workerData: { url: pathToFileURL(metric.file).href, ...work },
    resourceLimits: { maxOldGenerationSizeMb: room },
  });
  let timer: NodeJS.Timeout | undefined;
  const said = new Promise<Said>((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', (error) => reject(failure(metric, `fails: ${error.message}`)));
    thread.once('exit', () => reject(failure(metric, 'ends its thread without a figure')));
    timer = setTimeout(() => reject(failure(metric, `gives no figure within ${limit / 1000} s`)), limit);
  });
  try {
    const answer = await untilAborted(signal, said);
    if ('problem' in answer) throw failure(metric, answer.problem, answer);
    return answer;
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}

function failure(
  { name, file }: CustomMetric,
  problem: string,
  place: { readonly line?: number; readonly row?: number } = {},
): SoftpromptError {
  return new SoftpromptError('metric-failed', {
    ...{ name, file, problem },
    ...(place.line !== undefined && { line: place.line }),
    ...(place.row !== undefined && { row: place.row + 1 }),
  });
}
