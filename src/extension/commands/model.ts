import { relative, sep } from 'node:path';
import * as vscode from 'vscode';
import { settings } from '../contributions.ts';
import { modelName } from '../modelChoice.ts';
import type { Softprompt } from '../softprompt.ts';

/** The workspace model's folder; asks for it when it cannot be found. */
export async function requireModel(app: Softprompt): Promise<string | null> {
  const choice = await app.model.choose();
  if (choice.dir !== null) return choice.dir;
  return setWorkspaceModel(app, choice.reason);
}

interface ModelPick extends vscode.QuickPickItem {
  readonly dir?: string;
}

/** Lets a person choose the workspace model and keeps it in the workspace's settings. Returns its folder. */
export async function setWorkspaceModel(app: Softprompt, reason?: string): Promise<string | null> {
  const before = await app.model.choose();
  const folders = await app.model.candidates();
  const picks: ModelPick[] = folders.map((dir) => ({
    label: `${dir === before.dir ? '$(check) ' : ''}${modelName(dir)}`,
    description: vscode.workspace.asRelativePath(dir),
    dir,
  }));
  const browse: ModelPick = {
    label: '$(folder-opened) Browse…',
    description: 'a folder with config.json and model.safetensors',
  };
  const automatic: ModelPick = {
    label: '$(search) Find Automatically',
    description: 'the model that the experiments name',
  };
  const pick = await vscode.window.showQuickPick([...picks, browse, automatic], {
    title: 'Set Workspace Model',
    placeHolder: reason === undefined ? 'Choose the model that adapters are swapped against' : `No model: ${reason}`,
  });
  if (pick === undefined) return null;
  const dir = pick === browse ? await browseForModel() : (pick.dir ?? '');
  if (dir === null) return null;
  await vscode.workspace
    .getConfiguration()
    .update(settings.model, settingFor(dir), vscode.ConfigurationTarget.Workspace);
  const after = await app.model.choose();
  if (after.dir !== before.dir) app.session.forgetAdapter();
  return after.dir;
}

async function browseForModel(): Promise<string | null> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    openLabel: 'Use as Model',
  });
  return chosen?.[0]?.fsPath ?? null;
}

/** Relative to the first workspace folder when inside it, so that the setting can be shared. */
function settingFor(dir: string): string {
  const root = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  if (root === undefined || dir === '') return dir;
  const inside = relative(root, dir);
  return inside === '' || inside.startsWith('..') ? dir : inside.split(sep).join('/');
}
