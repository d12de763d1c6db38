import { basename } from 'node:path';

/** What the workspace model can be found from; every path absolute. */
export interface ModelClues {
  /** The setting's folder, or null when it is empty. */
  readonly setting: string | null;
  /** The models that the workspace's experiments name. */
  readonly experiments: readonly string[];
  /** Folders in the workspace that hold a checkpoint. */
  readonly folders: readonly string[];
}

/** The workspace model and why it is that one, or why there is none. */
export type ModelChoice =
  | { readonly dir: string; readonly reason: string }
  | { readonly dir: null; readonly reason: string };

/** Chooses the workspace model: the setting, else the one the experiments agree on, else the only one there is. */
export function chooseModel(clues: ModelClues): ModelChoice {
  if (clues.setting !== null) return { dir: clues.setting, reason: 'set in softprompt.model' };
  const named = [...new Set(clues.experiments)];
  if (named.length === 1) return { dir: named[0] as string, reason: 'the model of the experiments' };
  if (named.length > 1) return { dir: null, reason: `the experiments name ${named.length} models; choose one` };
  if (clues.folders.length === 1) return { dir: clues.folders[0] as string, reason: 'the only model in the workspace' };
  if (clues.folders.length > 1)
    return { dir: null, reason: `the workspace has ${clues.folders.length} models; choose one` };
  return { dir: null, reason: 'no folder with config.json and model.safetensors in the workspace' };
}

/** A model's name: its folder's. */
export function modelName(dir: string): string {
  return basename(dir);
}
