import { readdir } from 'node:fs/promises';
import { SoftpromptError } from '../foundation/errors.ts';
import { fileError } from '../foundation/files.ts';

/** Weights in pickle form, which can run any code when read: never opened. */
export const pickleFile = /\.(bin|pt|pth|ckpt|pkl)$/;

/**
 * The names in a model's folder.
 * @throws SoftpromptError file-missing, file-unreadable; checkpoint-unusable when it is an adapter's folder
 */
export async function listModelFolder(dir: string): Promise<ReadonlySet<string>> {
  const names = new Set(
    await readdir(dir).catch((error: unknown) => {
      throw fileError(dir, error, 'a Hugging Face model folder');
    }),
  );
  if (names.has('adapter_config.json') && !names.has('config.json')) {
    throw new SoftpromptError('checkpoint-unusable', {
      dir,
      problem: 'is an adapter, not a model (it has adapter_config.json and no config.json)',
      todo: 'Give the folder of the base model here and this one as the adapter.',
    });
  }
  return names;
}
