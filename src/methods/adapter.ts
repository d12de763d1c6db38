import { join } from 'node:path';
import { readAdapterFolder, writeAdapterFolder } from '../checkpoint/adapterFolder.ts';
import { type FloatType, rounded } from '../checkpoint/floatTypes.ts';
import type { TensorInfo } from '../checkpoint/safetensors.ts';
import { readFloat32 } from '../checkpoint/tensorReading.ts';
import type { TensorData } from '../checkpoint/tensorWriting.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { TrainableSpec } from '../models/attachment.ts';
import type { Model } from '../models/model.ts';
import { adapterHubTensors } from './adapterHubTensors.ts';
import type { Method, StoredCopy, TrainedTensors } from './method.ts';
import { configureMethod } from './table.ts';

/** A method with its trained tensors. */
export interface Adapter {
  readonly method: Method;
  readonly tensors: TrainedTensors;
}

/** An adapter as it lies in a folder. */
export interface StoredAdapter extends Adapter {
  /** The folder that holds its files, which may be a sub-folder of the one that was asked for. */
  readonly dir: string;
  /** Bytes of its tensors in the file. */
  readonly bytes: number;
}

/**
 * Reads a folder of PEFT's or AdapterHub's as an adapter of this model.
 * @throws SoftpromptError adapter-unusable, adapter-mismatch, method-unknown, config-key and what reading throws
 */
export async function readAdapter(dir: string, model: Model): Promise<StoredAdapter> {
  const folder = await readAdapterFolder(dir);
  const method = configureMethod(folder.config, model, join(folder.dir, 'adapter_config.json'));
  if (method.encoder?.kept === false) {
    const problem =
      'goes with weights that the training changed (init_lora_weights); save it with path_initial_model_for_weight_conversion';
    throw new SoftpromptError('adapter-unusable', { dir: folder.dir, problem });
  }
  const found =
    folder.format === 'peft'
      ? new Map([...folder.tensors].map(([name, info]) => [savedName(name), info] as const))
      : await adapterHubTensors(folder.dir, folder.tensors, method, model);
  const copies = (method.copies ?? []).flatMap((copy) => {
    const info = found.get(copy.name);
    return found.delete(copy.name) ? [{ ...copy, info: info! }] : [];
  });
  for (const name of method.derived?.keys() ?? []) found.delete(name);
  const held = await readExactly(folder.dir, found, method, storedTrainables(method), model);
  const tensors = new Map([...held, ...[...(method.derived ?? [])].map(([name, made]) => [name, made()] as const)]);
  for (const copy of copies) await checkCopy(folder.dir, copy, tensors);
  let bytes = 0;
  for (const info of folder.tensors.values()) bytes += info.bytes;
  return { method, tensors, dir: folder.dir, bytes };
}

/**
 * The name PEFT saves a tensor under, of one that is named as it is in memory, which PEFT reads too. Below `adapters`, in a
 * set, `default` is AdapterHub's.
 */
function savedName(name: string): string {
  return name.replace(/(?<!\.adapters)\.default(?=\.|$)/, '').replace(/(\.lora_magnitude_vector)\.weight$/, '$1');
}

/** Largest norm of a copy minus the model's tensor, over the norm of that: bfloat16 rounds by 2^-9. */
const copyTolerance = 1e-2;

/**
 * Holds a copy in a file against what it should be one of, which is what is used.
 * @throws SoftpromptError adapter-mismatch when it is no copy, which is how adapters of a resized vocabulary look
 */
async function checkCopy(
  dir: string,
  { name, of, read, info }: StoredCopy & { readonly info: TensorInfo },
  tensors: TrainedTensors,
): Promise<void> {
  const [copy, own] = [await readFloat32(info), await read(tensors)];
  if (copy.length === own.length && relativeDifference(copy, own) <= copyTolerance) return;
  throw new SoftpromptError('adapter-mismatch', { dir, tensor: name, problem: `is not the one of ${of}` });
}

/** Norm of the difference over the norm of what is expected. */
export function relativeDifference(found: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let norm = 0;
  for (const [i, x] of expected.entries()) {
    difference += (found[i]! - x) ** 2;
    norm += x ** 2;
  }
  return Math.sqrt(difference / Math.max(norm, 1e-30));
}

/**
 * Writes an adapter as PEFT does, or AdapterHub where it is of that form, its tensors as `type`.
 * @throws SoftpromptError option-invalid when one does not fit it
 */
export async function writeAdapter(dir: string, { method, tensors }: Adapter, type: FloatType = 'F32'): Promise<void> {
  const copies = method.copies ?? [];
  const all = new Map(tensors);
  for (const { name, read } of copies) all.set(name, await read(tensors));
  for (const [name, values] of all) rounded(name, values, type);
  const heads = (method.members ?? [method]).map(({ head }) => head);
  const data = tensorData([...copies, ...storedTrainables(method)], all, type);
  await writeAdapterFolder(dir, method.config, data, heads);
}

/** The tensors of a method that the file holds. */
function storedTrainables({ trainables, derived }: Method): readonly TrainableSpec[] {
  return derived === undefined ? trainables : trainables.filter(({ name }) => !derived.has(name));
}

/**
 * Reads the tensors that are declared, when the file holds them in these shapes and no others.
 * @throws SoftpromptError adapter-mismatch
 */
export async function readExactly(
  dir: string,
  found: ReadonlyMap<string, TensorInfo>,
  method: Method,
  declared: readonly TrainableSpec[],
  model: Model,
): Promise<TrainedTensors> {
  const tensors = new Map<string, Float32Array>();
  for (const { name, dims } of declared) {
    const info = found.get(name);
    if (info === undefined || info.shape.join() !== dims.join()) {
      const is = info === undefined ? 'is missing' : `is [${info.shape.join(', ')}]`;
      const problem = `${is}; with ${model.name} it must be [${dims.join(', ')}]`;
      throw new SoftpromptError('adapter-mismatch', { dir, tensor: name, problem });
    }
    tensors.set(name, await readFloat32(info));
  }
  for (const name of found.keys()) {
    if (tensors.has(name)) continue;
    const problem = `has no meaning for ${method.peftType}`;
    throw new SoftpromptError('adapter-mismatch', { dir, tensor: name, problem });
  }
  return tensors;
}

/** Tensors as they are written: as `type`, in their declared shapes. */
export function tensorData(
  declared: readonly TrainableSpec[],
  tensors: TrainedTensors,
  type: FloatType = 'F32',
): readonly TensorData[] {
  return declared.map(({ name, dims }) => ({ name, dtype: type, shape: dims, data: tensors.get(name)! }));
}
