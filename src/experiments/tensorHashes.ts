import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256File } from '../checkpoint/fingerprint.ts';

/** SHA-256 of each file of tensors in an adapter's folder, by its name there, sorted. */
export async function tensorHashes(folder: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    if (name.endsWith('.safetensors')) found.set(name, await sha256File(join(folder, name)));
  }
  return found;
}
