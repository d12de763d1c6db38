import { access, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import * as vscode from 'vscode';
import { parseExperiment } from '../experiments/experimentFile.ts';
import { settings } from './contributions.ts';
import { chooseModel, type ModelChoice } from './modelChoice.ts';
import { readSetting } from './vscodeTyped.ts';
import type { ModelPlace } from './workerSession.ts';
import type { WorkspaceIndex } from './workspaceIndex.ts';

/** Finds the workspace model from the setting, the experiments and the folders. Loads nothing. */
export class WorkspaceModel {
  readonly #index: WorkspaceIndex;

  constructor(index: WorkspaceIndex) {
    this.#index = index;
  }

  /** The workspace model, or why there is none. */
  async choose(): Promise<ModelChoice> {
    const setting = this.#fromSetting();
    if (setting !== null) return chooseModel({ setting, experiments: [], folders: [] });
    const experiments = await this.#named();
    const folders = experiments.length > 0 ? [] : await this.#folders();
    return chooseModel({ setting: null, experiments, folders });
  }

  /** What a person may choose from: the checkpoints of the workspace and the models that its experiments name. */
  async candidates(): Promise<readonly string[]> {
    return [...new Set([...(await this.#folders()), ...(await complete(await this.#named()))])];
  }

  /** Where a request about this folder's model is answered. */
  place(dir: string): ModelPlace {
    return { dir, device: readSetting(settings.device) };
  }

  #fromSetting(): string | null {
    const value = readSetting(settings.model).trim();
    if (value === '') return null;
    if (isAbsolute(value)) return value;
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    return folder === undefined ? null : resolve(folder, value);
  }

  /** Every folder of the workspace that holds a checkpoint. */
  async #folders(): Promise<readonly string[]> {
    const files = await vscode.workspace.findFiles('**/model*.safetensors*', '**/{node_modules,.softprompt}/**');
    const folders = [...new Set(files.map((file) => dirname(file.fsPath)))].sort();
    return complete(folders);
  }

  async #named(): Promise<string[]> {
    const files = await this.#index.experiments();
    const models = await Promise.all(files.map((file) => modelOf(file.fsPath)));
    return models.filter((model) => model !== null);
  }
}

/** The model an experiment names, absolute; null when the file cannot be read or is not an experiment yet. */
async function modelOf(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : (parseExperiment(text, file).loaded?.experiment.model ?? null);
}

/** The folders that hold a configuration too. */
async function complete(folders: readonly string[]): Promise<readonly string[]> {
  const configured = await Promise.all(folders.map((folder) => exists(join(folder, 'config.json'))));
  return folders.filter((_, i) => configured[i]);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
