import { join, resolve } from 'node:path';
import {
  type CombineDestination,
  type Combined,
  checkDestination,
  combineAdapters,
  saveCombined,
} from '../experiments/combineAdapters.ts';
import type { Environment } from '../experiments/environment.ts';
import { resolveAdapter } from '../experiments/library.ts';
import { findStore } from '../experiments/store.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { type CombineMethod, combineRules } from '../methods/combineRules.ts';
import type { MajoritySign } from '../methods/taskTensors.ts';
import { exitStatus } from './exitStatus.ts';
import { interruptible } from './interrupt.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt combine`. */
export interface CombineOptions {
  readonly model: string;
  /** NAME|DIR=WEIGHT. */
  readonly adapter: readonly string[];
  readonly method: string;
  readonly rank?: number;
  readonly density?: number;
  readonly majoritySign: string;
  readonly seed: number;
  readonly output?: string;
  readonly name?: string;
  readonly json?: boolean;
}

/** Combines adapters into one, says how far that is from the exact sum, then saves it. */
export async function combine(options: CombineOptions, terminal: Terminal, env: Environment): Promise<number> {
  const store = findStore(join(process.cwd(), 'adapter'), process.cwd());
  const destination = destinationOf(options, store);
  const [method, majoritySign] = [methodOf(options), majoritySignOf(options)];
  const adapters = options.adapter.map((given) => {
    const [, reference, weight] = /^(.+)=([^=]+)$/.exec(given) ?? [];
    if (reference === undefined || !Number.isFinite(Number(weight)) || weight!.trim() === '') {
      throw invalid('--adapter', `"${given}" has no weight; give NAME=WEIGHT or FOLDER=WEIGHT, e.g. style=0.5`);
    }
    return { ...resolveAdapter(store, reference, process.cwd()), weight: Number(weight) };
  });
  await checkDestination(destination);
  const request = {
    model: resolve(options.model),
    adapters,
    method,
    rank: options.rank ?? null,
    density: options.density ?? 1,
    majoritySign,
    seed: options.seed,
  };
  const combined = await interruptible(
    () => terminal.note('\nStopping after this module; once more to stop at once.'),
    (signal) => combineAdapters(request, signal, (done, modules) => showProgress(done, modules, options, terminal)),
  );
  if (options.json === true) terminal.out(JSON.stringify(asJson(combined)));
  else for (const line of summary(combined)) terminal.out(line);
  const dir = await saveCombined(combined, destination, env);
  terminal.out(options.json === true ? JSON.stringify({ event: 'saved', adapter: dir }) : `Adapter: ${dir}`);
  return exitStatus.done;
}

function destinationOf({ name, output }: CombineOptions, store: string): CombineDestination {
  if ((name === undefined) === (output === undefined)) throw invalid('--output, --name', 'give one of the two');
  return name === undefined ? { store, output: resolve(output!) } : { store, name };
}

/** Methods that cut to a rank, and those that keep a share of the elements. */
const [cutting, thinning] = [/svd$/, /ties|dare|prune/] as const;

function methodOf({ method, rank, density }: CombineOptions): CombineMethod {
  if (!Object.hasOwn(combineRules, method)) {
    throw invalid('--method', `"${method}" is none of ${Object.keys(combineRules).join(', ')}`);
  }
  if (rank !== undefined && !cutting.test(method)) {
    throw invalid('--rank', `${method} cuts to no rank; svd takes the nearest to the exact sum that has it`);
  }
  if (thinning.test(method) !== (density !== undefined)) {
    throw invalid('--density', density === undefined ? `${method} needs it` : `${method} keeps everything`);
  }
  return method as CombineMethod;
}

function majoritySignOf({ majoritySign }: CombineOptions): MajoritySign {
  if (majoritySign === 'total' || majoritySign === 'frequency') return majoritySign;
  throw invalid('--majority-sign', `"${majoritySign}" is neither total nor frequency`);
}

function asJson({ adapter, residual, request }: Combined): object {
  const { overall, largest, modules } = residual;
  const { r = null, rank_pattern = null } = adapter.method.config;
  return {
    event: 'combined',
    method: request.method,
    r,
    rank_pattern,
    residual: { overall, largest, modules: Object.fromEntries(modules) },
  };
}

function summary({ adapter, residual, request }: Combined): readonly string[] {
  const { overall, largest, modules } = residual;
  const { r } = adapter.method.config;
  const worst = [...modules].find(([, error]) => error === largest)?.[0];
  const sum = request.adapters.map(({ label, weight }) => `${weight} x ${label}`).join(' + ');
  return [
    `${sum}, by ${request.method}: ${modules.size} modules${r === undefined ? '' : `, rank ${String(r)}`}`,
    `Error against the exact sum: ${overall.toPrecision(3)} of its norm; at most ${largest.toPrecision(3)} (${worst})`,
    ...(overall > lossy
      ? ['This is another adapter than the sum. exact gives the sum itself, svd the nearest to it of a rank.']
      : []),
  ];
}

/** Above what rounding to float32 does. */
const lossy = 0.01;

function showProgress(done: number, modules: number, { json }: CombineOptions, terminal: Terminal): void {
  if (json === true || terminal.draw === null) return;
  terminal.draw(done === modules ? '\r\u001b[K' : `\rmodule ${done} of ${modules}\u001b[K`);
}

function invalid(option: string, problem: string): SoftpromptError {
  return new SoftpromptError('option-invalid', { option, problem });
}
