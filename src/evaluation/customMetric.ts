import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SoftpromptError } from '../foundation/errors.ts';
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

/** What the thread says: a number, or why there is none, and the row that it looked at last, from 0. */
type Said = { readonly value: unknown } | { readonly problem: string; readonly line?: number; readonly row?: number };

/** Runs in the thread, as CommonJS. Rows are watched, so that a failure can be laid to the one it happened at. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
let row;
const rows = new Proxy(workerData.rows, {
  get(all, key) {
    if (typeof key === 'string' && /^[0-9]+$/.test(key) && Number(key) < all.length) row = Number(key);
    return all[key];
  },
});
import(workerData.url)
  .then(async ({ metric }) => {
    if (typeof metric !== 'function') return { problem: 'exports no function called metric' };
    const value = await metric(rows);
    return { value: typeof value === 'number' ? value : String(value) };
  })
  .catch((error) => {
    const said = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? String(error.stack) : '';
    const at = stack.indexOf(workerData.url + ':');
    const line = at < 0 ? undefined : Number.parseInt(stack.slice(at + workerData.url.length + 1), 10);
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
  { name, file }: CustomMetric,
  rows: readonly CustomMetricRow[],
  signal: AbortSignal,
  limit: number = patience,
): Promise<number> {
  const failed = (problem: string, place: { line?: number; row?: number } = {}) =>
    new SoftpromptError('metric-failed', {
      ...{ name, file, problem },
      ...(place.line !== undefined && { line: place.line }),
      ...(place.row !== undefined && { row: place.row + 1 }),
    });
  const thread = new Worker(program, {
    ...{ eval: true, stdout: true, stderr: true },
    workerData: { url: pathToFileURL(file).href, rows },
    resourceLimits: { maxOldGenerationSizeMb: room },
  });
  let timer: NodeJS.Timeout | undefined;
  const said = new Promise<Said>((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', (error) => reject(failed(`fails: ${error.message}`)));
    thread.once('exit', () => reject(failed('ends its thread without a figure')));
    timer = setTimeout(() => reject(failed(`gives no figure within ${limit / 1000} s`)), limit);
  });
  try {
    const answer = await untilAborted(signal, said);
    if ('problem' in answer) throw failed(answer.problem, answer);
    if (typeof answer.value !== 'number' || !Number.isFinite(answer.value)) {
      throw failed(`gives ${String(answer.value)}, which is no finite number`);
    }
    return answer.value;
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
