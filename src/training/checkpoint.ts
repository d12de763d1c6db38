import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readSafetensorsHeader } from '../checkpoint/safetensors.ts';
import { readFloat32 } from '../checkpoint/tensorReading.ts';
import { type TensorData, writeSafetensors } from '../checkpoint/tensorWriting.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Method, TrainedTensors } from '../methods/method.ts';
import { isStateOf, type OptimizerState, optimizedForm } from './optimizer.ts';
import { stateKinds, type TensorState } from './optimizerRule.ts';
import type { OptimizerName } from './options.ts';

/** Everything a run needs to go on as if it had never stopped. */
export interface TrainingState {
  /** Steps taken; the batches already drawn follow from it. */
  readonly step: number;
  readonly tensors: TrainedTensors;
  readonly optimizer: OptimizerState;
  /** What the method's rule after each step remembers, by name. */
  readonly memory: TrainedTensors;
  /** The best weights so far, by validation loss; null before the first validation. */
  readonly best: { readonly step: number; readonly loss: number; readonly tensors: TrainedTensors } | null;
  /** Validations since the best. */
  readonly stale: number;
  /** Seconds spent in steps so far. */
  readonly seconds: number;
  /** State of the generator that orders the rows, as it was when the run began. */
  readonly orderState: readonly number[];
}

const fileName = /^step-(\d+)\.safetensors$/;

/** Writes a checkpoint as one file, `step-N.safetensors`; gives its path. */
export async function writeCheckpoint(folder: string, state: TrainingState): Promise<string> {
  const path = join(folder, `step-${String(state.step).padStart(6, '0')}.safetensors`);
  const tensors: TensorData[] = [];
  const put = (kind: string, name: string, data: Float32Array) =>
    tensors.push({ name: `${kind}:${name}`, dtype: 'F32', shape: [data.length], data });
  for (const [name, data] of state.tensors) put('weight', name, data);
  for (const [name, kept] of state.optimizer) {
    for (const [kind, data] of Object.entries(kept)) put(kind, name, data);
  }
  for (const [name, data] of state.memory) put('memory', name, data);
  for (const [name, data] of state.best?.tensors ?? []) put('best', name, data);
  const { step, stale, seconds, orderState } = state;
  const best = state.best === null ? null : { step: state.best.step, loss: state.best.loss };
  await writeSafetensors(path, tensors, { training_state: JSON.stringify({ step, stale, seconds, orderState, best }) });
  return path;
}

/** The newest checkpoint in a folder, or null. */
export async function newestCheckpoint(folder: string): Promise<string | null> {
  const names = await readdir(folder).catch(() => []);
  const steps = names.flatMap((name) => fileName.exec(name)?.[1] ?? []);
  if (steps.length === 0) return null;
  const newest = steps.reduce((a, b) => (Number(b) > Number(a) ? b : a));
  return join(folder, `step-${newest}.safetensors`);
}

/** What is written beside the tensors. */
const writtenState = z.object({
  step: z.int().nonnegative(),
  stale: z.int().nonnegative(),
  seconds: z.number(),
  orderState: z.array(z.int()),
  best: z.object({ step: z.int(), loss: z.number() }).nullable(),
});

/**
 * Reads a checkpoint.
 * @throws SoftpromptError checkpoint-foreign, and what reading throws
 */
export async function readCheckpoint(file: string): Promise<TrainingState> {
  const { metadata, tensors } = await readSafetensorsHeader(file);
  const written = parseState(metadata.get('training_state'));
  if (written === null) throw new SoftpromptError('checkpoint-foreign', { file });
  const kinds = new Map(
    ['weight', 'best', 'memory', ...stateKinds].map((kind) => [kind, new Map<string, Float32Array>()]),
  );
  for (const [name, info] of tensors) {
    const colon = name.indexOf(':');
    const kind = kinds.get(name.slice(0, colon));
    if (kind === undefined) throw new SoftpromptError('checkpoint-foreign', { file });
    kind.set(name.slice(colon + 1), await readFloat32(info));
  }
  const optimizer = new Map<string, TensorState>();
  for (const kind of stateKinds) {
    for (const [name, data] of kinds.get(kind)!) optimizer.set(name, { ...optimizer.get(name), [kind]: data });
  }
  const { best } = written;
  return {
    ...written,
    tensors: kinds.get('weight')!,
    optimizer,
    memory: kinds.get('memory')!,
    best: best === null ? null : { ...best, tensors: kinds.get('best')! },
  };
}

/**
 * Checks that a checkpoint is one of a run that trains this method with this optimiser.
 * @throws SoftpromptError checkpoint-foreign, optimizer-unsuited
 */
export function checkFits(
  file: string,
  { tensors, optimizer, memory }: TrainingState,
  method: Method,
  optim: OptimizerName,
): void {
  const { trainables } = optimizedForm(method, optim);
  const fits =
    tensors.size === trainables.length &&
    isStateOf(optimizer, trainables, optim) &&
    isMemoryOf(memory, method) &&
    trainables.every(({ name, dims }) => tensors.get(name)?.length === dims.reduce((n, size) => n * size, 1));
  if (!fits)
    throw new SoftpromptError('checkpoint-foreign', {
      file,
      problem: 'a checkpoint of another method, optimiser or model',
    });
}

/** Whether this is what the method's rule remembers. */
function isMemoryOf(memory: TrainedTensors, { afterStep }: Method): boolean {
  const lengths = afterStep?.memory ?? new Map<string, number>();
  return memory.size === lengths.size && [...lengths].every(([name, length]) => memory.get(name)?.length === length);
}

function parseState(text: string | undefined): z.infer<typeof writtenState> | null {
  try {
    return writtenState.parse(JSON.parse(text ?? ''));
  } catch {
    return null;
  }
}
