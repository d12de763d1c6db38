import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SoftpromptError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import { type JsonObject, pythonJson } from './json.ts';
import { readJsonObject } from './jsonFile.ts';
import { elementCount } from './tensorReading.ts';
import { fileBytes, type LazyTensor, writeSafetensors } from './tensorWriting.ts';

/** transformers' `max_shard_size`: the largest weight file, in bytes. */
export const defaultShardBytes = 5e9;

/** Files of a model folder that say nothing of the new weights: weights in any form, indices of them, adapters. */
const leftBehind =
  /\.(safetensors|bin|pt|pth|ckpt|pkl|h5|msgpack|onnx|onnx_data|gguf|ot|tflite|npz)$|\.index\.json$|^adapter_config\.json$|^\./;

/** How a model folder is written. */
export interface ModelWriting {
  /** Size from which the weights are spread over files, with model.safetensors.index.json. */
  readonly shardBytes?: number;
  /** Keys of config.json that are to be others. */
  readonly configChanges?: JsonObject;
}

/**
 * Writes a model folder that differs from `from` in its tensors: every other file of it is copied. The folder
 * appears whole or not at all: it is written beside its place and then renamed.
 * @param tensors in the order in which they fill the weight files
 * @throws SoftpromptError option-invalid when `to` is not a folder that is empty or could be made
 */
export async function writeModelFolder(
  from: string,
  to: string,
  tensors: readonly LazyTensor[],
  { shardBytes = defaultShardBytes, configChanges = {} }: ModelWriting = {},
): Promise<void> {
  await checkVacant(to);
  await mkdir(dirname(resolve(to)), { recursive: true });
  const temporary = join(dirname(resolve(to)), `.${basename(resolve(to))}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(temporary);
    await copyOthers(from, temporary);
    if (Object.keys(configChanges).length > 0) await changeConfig(temporary, configChanges);
    await writeWeights(temporary, tensors, shardBytes);
    // An empty folder in its place would keep some systems from renaming.
    await rmdir(to).catch(() => undefined);
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Refuses a place for a folder where something lies already. @throws SoftpromptError option-invalid */
export async function checkVacant(to: string): Promise<void> {
  const names = await readdir(to).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    const problem = error.code === 'ENOTDIR' ? 'is a file, not a folder' : `cannot be read (${error.message})`;
    throw new SoftpromptError('option-invalid', { option: `--output ${to}`, problem });
  });
  if (names.length === 0) return;
  const todo = 'Give a folder that is empty or does not exist yet.';
  throw new SoftpromptError('option-invalid', { option: `--output ${to}`, problem: 'is not empty', todo });
}

async function copyOthers(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) {
    const file = join(from, name);
    // Files of a hub cache are links; what they point to is copied.
    if (leftBehind.test(name) || !(await stat(file)).isFile()) continue;
    await writeFileAtomic(join(to, name), createReadStream(file) as AsyncIterable<Buffer>);
  }
}

async function changeConfig(dir: string, changes: JsonObject): Promise<void> {
  const file = join(dir, 'config.json');
  await writeFileAtomic(file, `${pythonJson({ ...(await readJsonObject(file)), ...changes })}\n`);
}

async function writeWeights(dir: string, tensors: readonly LazyTensor[], shardBytes: number): Promise<void> {
  const shards = filled(tensors, shardBytes);
  if (shards.length === 1) return writeSafetensors(join(dir, 'model.safetensors'), shards[0]!, { format: 'pt' });
  const number = (n: number): string => String(n).padStart(5, '0');
  const shardOf = new Map<string, string>();
  for (const [i, shard] of shards.entries()) {
    const file = `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
    await writeSafetensors(join(dir, file), shard, { format: 'pt' });
    for (const { name } of shard) shardOf.set(name, file);
  }
  const sum = (size: (tensor: LazyTensor) => number): number => tensors.reduce((n, tensor) => n + size(tensor), 0);
  const metadata = { total_parameters: sum(elementCount), total_size: sum(fileBytes) };
  const index = `${pythonJson({ metadata, weight_map: Object.fromEntries(shardOf) })}\n`;
  await writeFileAtomic(join(dir, 'model.safetensors.index.json'), index);
}

/** Fills one file after another, as transformers does: a tensor that does not fit begins the next. */
function filled(tensors: readonly LazyTensor[], shardBytes: number): readonly (readonly LazyTensor[])[] {
  const shards: LazyTensor[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const size = fileBytes(tensor);
    if (bytes > 0 && bytes + size > shardBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(tensor);
    bytes += size;
  }
  return shards;
}
