import { basename, join } from 'node:path';
import { SoftpromptError } from '../foundation/errors.ts';
import { isJsonObject } from './json.ts';
import { readJsonObject } from './jsonFile.ts';
import { listModelFolder, pickleFile } from './modelFolder.ts';
import { readSafetensorsHeader, type TensorInfo } from './safetensors.ts';

/** The tensors of a checkpoint, wherever they lie. */
export interface CheckpointWeights {
  readonly dir: string;
  /** Paths of the files that hold them. */
  readonly files: readonly string[];
  /** By the name in the files. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

const singleName = 'model.safetensors';
const indexName = 'model.safetensors.index.json';

/**
 * Finds the tensors of a Hugging Face model folder: model.safetensors, or the shards that model.safetensors.index.json
 * names. Reads headers only.
 * @throws SoftpromptError checkpoint-unusable, file-missing (the folder), safetensors-invalid, json-invalid
 */
export async function openWeights(dir: string): Promise<CheckpointWeights> {
  const names = await listModelFolder(dir);
  if (names.has(singleName)) {
    const file = join(dir, singleName);
    return { dir, files: [file], tensors: (await readSafetensorsHeader(file)).tensors };
  }
  if (names.has(indexName)) return openShards(dir, names);
  const pickle = [...names].find((name) => pickleFile.test(name));
  if (pickle !== undefined) {
    throw new SoftpromptError('checkpoint-unusable', {
      dir,
      problem: `holds its weights as ${pickle}, a pickle file, which can run code when it is read and is never opened`,
      todo: 'Convert the model to safetensors (most models on the Hub have such a version too).',
    });
  }
  throw new SoftpromptError('checkpoint-unusable', {
    dir,
    problem: `has no weights (neither ${singleName} nor ${indexName})`,
    todo: 'Give the folder of a Hugging Face model.',
  });
}

async function openShards(dir: string, names: ReadonlySet<string>): Promise<CheckpointWeights> {
  const index = join(dir, indexName);
  const { weight_map: weightMap } = await readJsonObject(index);
  if (!isJsonObject(weightMap)) {
    throw new SoftpromptError('config-key', { file: index, key: 'weight_map', problem: 'is missing or not an object' });
  }
  const shardOf = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(weightMap)) {
    // A path out of the folder would let an index file read anything on the machine.
    if (typeof shard !== 'string' || shard === '' || basename(shard) !== shard || shard.includes('\\')) {
      throw new SoftpromptError('config-key', {
        file: index,
        key: `weight_map[${JSON.stringify(tensor)}]`,
        problem: 'is not the name of a file in the same folder',
      });
    }
    shardOf.set(tensor, shard);
  }
  const shards = [...new Set(shardOf.values())].sort();
  const missing = shards.filter((shard) => !names.has(shard));
  if (missing.length > 0) {
    throw new SoftpromptError('checkpoint-unusable', {
      dir,
      problem: `lacks ${missing.length} of its ${shards.length} weight files: ${missing.join(', ')}`,
      todo: 'Download the missing files.',
    });
  }
  const headers = new Map(
    await Promise.all(shards.map(async (shard) => [shard, await readSafetensorsHeader(join(dir, shard))] as const)),
  );
  const tensors = new Map<string, TensorInfo>();
  for (const [name, shard] of shardOf) {
    const info = headers.get(shard)?.tensors.get(name);
    if (info === undefined) {
      throw new SoftpromptError('checkpoint-unusable', {
        dir,
        problem: `tensor ${JSON.stringify(name)} is listed in ${indexName} under ${shard} but is not in that file`,
        todo: 'Index and weight files are of different versions: download them again.',
      });
    }
    tensors.set(name, info);
  }
  return { dir, files: shards.map((shard) => join(dir, shard)), tensors };
}
