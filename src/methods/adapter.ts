import { join } from 'node:path';
import { readAdapterFolder, writeAdapterFolder } from '../checkpoint/adapterFolder.ts';
import { readFloat32 } from '../checkpoint/tensorReading.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Model } from '../models/model.ts';
import type { Method, TrainedTensors } from './method.ts';
import { configureMethod } from './table.ts';

/** A method with its trained tensors. */
export interface Adapter {
  readonly method: Method;
  readonly tensors: TrainedTensors;
}

/** An adapter as it lies in a folder. */
export interface StoredAdapter extends Adapter {
  /** Bytes of its tensors in the file. */
  readonly bytes: number;
}

/**
 * Reads a PEFT folder as an adapter of this model.
 * @throws SoftpromptError adapter-unusable, adapter-mismatch, method-unknown, config-key and what reading throws
 */
export async function readAdapter(dir: string, model: Model): Promise<StoredAdapter> {
  const folder = await readAdapterFolder(dir);
  if (folder.format !== 'peft')
    throw new SoftpromptError('not-supported', { what: `${folder.dir}: an AdapterHub adapter` });
  const method = configureMethod(folder.config, model, join(folder.dir, 'adapter_config.json'));
  const tensors = new Map<string, Float32Array>();
  let bytes = 0;
  for (const { name, dims } of method.trainables) {
    const info = folder.tensors.get(name);
    const found = info === undefined ? 'is missing' : `is [${info.shape.join(', ')}]`;
    if (info === undefined || info.shape.join() !== dims.join()) {
      const problem = `${found}; with ${model.name} it must be [${dims.join(', ')}]`;
      throw new SoftpromptError('adapter-mismatch', { dir: folder.dir, tensor: name, problem });
    }
    tensors.set(name, await readFloat32(info));
    bytes += info.bytes;
  }
  for (const name of folder.tensors.keys()) {
    if (tensors.has(name)) continue;
    const problem = `has no meaning for ${method.peftType}`;
    throw new SoftpromptError('adapter-mismatch', { dir: folder.dir, tensor: name, problem });
  }
  return { method, tensors, bytes };
}

/** Writes an adapter as PEFT does, in float32. */
export async function writeAdapter(dir: string, { method, tensors }: Adapter): Promise<void> {
  await writeAdapterFolder(
    dir,
    method.config,
    method.trainables.map(({ name, dims }) => ({ name, dtype: 'F32', shape: dims, data: tensors.get(name)! })),
  );
}
