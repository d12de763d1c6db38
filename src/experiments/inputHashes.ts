import { fingerprintModel, sha256File } from '../checkpoint/fingerprint.ts';
import type { Experiment } from './schema.ts';

/** What a run read, as hashes: another one gives another result. */
export interface InputHashes {
  /** The base model's fingerprint. */
  readonly model: string;
  /** SHA-256 of each file of rows that takes part in training, by its key in the experiment file. */
  readonly data: Readonly<Record<string, string>>;
}

/**
 * Hashes of an experiment's model and of its files of rows, the test rows, which training does not read, left out.
 * @throws SoftpromptError what reading throws
 */
export async function inputHashes({ model, data, training }: Experiment): Promise<InputHashes> {
  const files = {
    'data.train': data.train,
    'data.validation': data.validation,
    'training.unlikelihood.data': training.unlikelihood?.data,
  };
  const hashes: Record<string, string> = {};
  for (const [key, file] of Object.entries(files)) if (file !== undefined) hashes[key] = await sha256File(file);
  return { model: await fingerprintModel(model), data: hashes };
}

/**
 * Which inputs are no longer what they were, in words.
 * @throws SoftpromptError what reading throws
 */
export async function changedInputs(before: InputHashes, experiment: Experiment): Promise<readonly string[]> {
  const now = await inputHashes(experiment);
  const keys = Object.keys(before.data).filter((key) => now.data[key] !== before.data[key]);
  return [...(now.model === before.model ? [] : ['the base model']), ...keys];
}
