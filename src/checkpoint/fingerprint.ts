import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileError } from '../foundation/files.ts';
import type { TensorInfo } from './safetensors.ts';
import { readTensorBytes } from './tensorReading.ts';
import { openWeights } from './weights.ts';

/** Weights up to this size are hashed whole. */
const wholeBytes = 64 * 1024 * 1024;
/** Of larger ones, this much at the start, in the middle and at the end of every tensor. */
const sampleBytes = 16 * 1024;

/** SHA-256 of a file's bytes, in hexadecimal. */
export async function sha256File(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash).catch((error: unknown) => {
    throw fileError(file, error);
  });
  return hash.digest('hex');
}

/**
 * What a base model is, as a SHA-256 in hexadecimal over config.json and every tensor's name, type, shape and bytes
 * (samples of them when the model is large); how the tensors are spread over files does not count.
 * @throws SoftpromptError what `openWeights` throws; file-missing without config.json
 */
export async function fingerprintModel(dir: string): Promise<string> {
  const { tensors } = await openWeights(dir);
  const hash = createHash('sha256').update(await sha256File(join(dir, 'config.json')));
  const ordered = [...tensors.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const total = ordered.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const info of ordered) {
    hash.update(`${JSON.stringify([info.name, info.dtype, info.shape])}\n`);
    for (const [from, to] of total <= wholeBytes ? [[0, info.bytes] as const] : samples(info)) {
      hash.update(await readTensorBytes(info, from, to));
    }
  }
  return hash.digest('hex');
}

function samples({ bytes }: TensorInfo): readonly (readonly [from: number, to: number])[] {
  if (bytes <= 3 * sampleBytes) return [[0, bytes]];
  const middle = Math.floor((bytes - sampleBytes) / 2);
  return [0, middle, bytes - sampleBytes].map((from) => [from, from + sampleBytes] as const);
}
