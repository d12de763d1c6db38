import { readAdapterFolder, writeAdapterFolder } from '../checkpoint/adapterFolder.ts';
import { readFloat32 } from '../checkpoint/tensorReading.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { Model } from '../models/model.ts';
import type { Method, TrainedTensors } from './method.ts';
import { configureMethod } from './table.ts';

/** An adapter read from its folder, fitted to a model. */
export interface StoredAdapter {
  /** The folder that holds its files. */
  readonly dir: string;
  readonly method: Method;
  readonly tensors: TrainedTensors;
}

/**
 * Reads an adapter's folder for a model and checks that every tensor the method trains is there in its shape.
 * @throws SoftpromptError adapter-unusable, method-unknown, config-key, and what reading throws
 */
export async function openAdapter(dir: string, model: Model): Promise<StoredAdapter> {
  const folder = await readAdapterFolder(dir);
  const method = configureMethod(folder.config, model);
  const tensors = new Map<string, Float32Array>();
  for (const { name, dims } of method.trainables) {
    const info = folder.tensors.get(name);
    const problem =
      info === undefined
        ? `has no tensor ${name}`
        : info.shape.join() === dims.join()
          ? null
          : `tensor ${name} is [${info.shape.join(', ')}]; with ${model.name} it must be [${dims.join(', ')}]`;
    if (info === undefined || problem !== null) {
      throw new SoftpromptError('adapter-unusable', {
        dir: folder.dir,
        problem: problem ?? '',
        todo: 'Is it an adapter of this model?',
      });
    }
    tensors.set(name, await readFloat32(info));
  }
  return { dir: folder.dir, method, tensors };
}

/** Writes an adapter as PEFT does, tensors as float32. */
export async function saveAdapter(dir: string, method: Method, tensors: TrainedTensors): Promise<void> {
  await writeAdapterFolder(
    dir,
    method.config,
    method.trainables.map(({ name, dims }) => ({ name, dtype: 'F32', shape: [...dims], data: tensors.get(name)! })),
  );
}
