import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fingerprintModel } from '../checkpoint/fingerprint.ts';
import { checkVacant } from '../checkpoint/modelWriting.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { writeObstacle } from '../foundation/files.ts';
import { readAdapter, writeAdapter } from '../methods/adapter.ts';
import { adapterUse } from '../methods/adapterUse.ts';
import type { CombineMethod } from '../methods/combineRules.ts';
import { type Combination, combine, drawnMasks, type WeightedAdapter } from '../methods/combining.ts';
import type { MajoritySign } from '../methods/taskTensors.ts';
import { type Model, openModel } from '../models/model.ts';
import { appendAudit } from './audit.ts';
import type { Environment } from './environment.ts';
import { exportAdapter, type ResolvedAdapter, readCard, saveAdapterVersion } from './library.ts';
import type { AdapterCard } from './records.ts';

/** Adapters to be combined, and how. */
export interface CombineRequest {
  /** Folder of their base model. */
  readonly model: string;
  readonly adapters: readonly (ResolvedAdapter & { readonly weight: number })[];
  readonly method: CombineMethod;
  readonly rank: number | null;
  readonly density: number;
  readonly majoritySign: MajoritySign;
  /** Of what DARE keeps. */
  readonly seed: number;
}

/** Where a combined adapter goes: the next version of a name in a store's library, or a folder. */
export type CombineDestination =
  | { readonly store: string; readonly name: string }
  | { readonly store: string /** Absolute path. */; readonly output: string };

/** Adapters combined and not yet saved. */
export interface Combined extends Combination {
  readonly request: CombineRequest;
  readonly fingerprint: string;
}

/**
 * Combines adapters of one model; saves nothing, so that its error can be looked at first.
 * @throws SoftpromptError adapter-base, not-combinable, cancelled, and what reading throws
 */
export async function combineAdapters(
  request: CombineRequest,
  signal: AbortSignal,
  seen: (done: number, modules: number) => void,
): Promise<Combined> {
  const model = await openModel(request.model, await adapterUse(request.adapters[0]!.dir));
  const fingerprint = await fingerprintModel(model.dir);
  const adapters: WeightedAdapter[] = [];
  for (const { label, dir, weight } of request.adapters) {
    adapters.push({ label, weight, adapter: await readOwn(dir, model, fingerprint) });
  }
  const { method, rank, density, majoritySign, seed } = request;
  const options = { method, rank, density, majoritySign, mask: drawnMasks(seed, density) };
  return { ...(await combine(model, adapters, options, signal, seen)), request, fingerprint };
}

/** Refuses a place that a combined adapter cannot go to, before the work. @throws SoftpromptError option-invalid */
export async function checkDestination(destination: CombineDestination): Promise<void> {
  if ('name' in destination) {
    const { name } = destination;
    if (/^[^/\\:*?"<>|@]+$/.test(name) && !name.startsWith('.')) return;
    const problem = `"${name}" is no name of a folder`;
    throw new SoftpromptError('option-invalid', { option: '--name', problem });
  }
  const { output } = destination;
  const obstacle = await writeObstacle(output);
  if (obstacle !== null) {
    throw new SoftpromptError('option-invalid', { option: `--output ${output}`, problem: obstacle });
  }
  await checkVacant(output);
}

/** Saves a combined adapter with its card; gives its folder. */
export async function saveCombined(
  { adapter, residual, request, fingerprint }: Combined,
  destination: CombineDestination,
  env: Environment,
): Promise<string> {
  const { store } = destination;
  let parameters = 0;
  for (const values of adapter.tensors.values()) parameters += values.length;
  const card: Omit<AdapterCard, 'name' | 'version'> = {
    created: env.now().toISOString(),
    base: { model: request.model, fingerprint },
    data: null,
    experiment: null,
    run: null,
    seed: request.seed,
    trainable_parameters: parameters,
    best_step: 0,
    validation_loss: null,
    metrics: {},
    parent: null,
    combined: {
      method: request.method,
      adapters: request.adapters.map(({ label, weight }) => ({ adapter: label, weight })),
      residual: residual.overall,
    },
  };
  const inLibrary = 'name' in destination;
  const parent = inLibrary ? join(store, 'adapters') : dirname(destination.output);
  await mkdir(parent, { recursive: true });
  // On the file system of its place, so that a rename can put it there whole.
  const temporary = join(parent, `.combined-${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeAdapter(temporary, adapter);
    if (!inLibrary) {
      const name = basename(destination.output);
      await exportAdapter(temporary, destination.output, { ...card, name, version: 1 });
      return destination.output;
    }
    const { name } = destination;
    const { dir, version } = await saveAdapterVersion(store, temporary, { ...card, name });
    const detail = request.adapters.map(({ label, weight }) => `${weight} x ${label}`).join(' + ');
    await appendAudit(
      store,
      { action: 'combined', adapter: `${name}@${version}`, detail: `${request.method}: ${detail}` },
      env,
    );
    return dir;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function readOwn(dir: string, model: Model, fingerprint: string) {
  const adapter = await readAdapter(dir, model);
  const card = await readCard(adapter.dir);
  if (card !== null && card.base.fingerprint !== fingerprint) {
    throw new SoftpromptError('adapter-base', { dir, trained: card.base.model, model: model.dir });
  }
  return adapter;
}
