import * as vscode from 'vscode';
import { experimentSuffix, type LoadedExperiment, readExperiment } from '../../experiments/experimentFile.ts';
import { commands, type ExperimentTarget } from '../contributions.ts';
import { experimentName } from '../experimentsTree.ts';
import type { Softprompt } from '../softprompt.ts';
import { executeCommand } from '../vscodeTyped.ts';
import type { StoredRun } from '../workspaceIndex.ts';

/** Which experiment a command is about: what it was started on, else the file in the editor, else a choice. */
export async function chooseExperiment(
  app: Softprompt,
  target: ExperimentTarget | undefined,
  prompt: string,
): Promise<vscode.Uri | null> {
  if (target !== undefined) return uriOf(target);
  const open = vscode.window.activeTextEditor?.document.uri;
  if (open?.path.endsWith(experimentSuffix)) return open;
  const files = await app.index.experiments();
  if (files.length === 1) return files[0] as vscode.Uri;
  if (files.length === 0) {
    const create = 'New Experiment';
    const chosen = await vscode.window.showInformationMessage(
      'This workspace has no experiment (*.tune.yaml).',
      create,
    );
    if (chosen === create) await executeCommand(commands.newExperiment);
    return null;
  }
  const picks = files.map((uri) => ({
    label: experimentName(uri),
    description: vscode.workspace.asRelativePath(uri),
    uri,
  }));
  const pick = await vscode.window.showQuickPick(picks, { title: prompt, placeHolder: 'Choose an experiment' });
  return pick?.uri ?? null;
}

/** Which run a command is about: what it was started on, else a choice among those that are `wanted`. */
export async function chooseRun(
  app: Softprompt,
  target: ExperimentTarget | undefined,
  prompt: string,
  wanted: (run: StoredRun) => boolean,
  none: string,
): Promise<StoredRun | null> {
  if (target !== undefined && 'kind' in target && target.kind === 'run') return target;
  const file = target === undefined ? null : uriOf(target).fsPath;
  const runs = (await app.index.runs()).filter(
    (run) => wanted(run) && (file === null || run.record.experiment === file),
  );
  if (runs.length === 0) {
    void vscode.window.showInformationMessage(none);
    return null;
  }
  if (runs.length === 1) return runs[0] as StoredRun;
  const picks = runs.map((run) => ({ label: run.record.name, description: run.record.id, run }));
  return (await vscode.window.showQuickPick(picks, { title: prompt, placeHolder: 'Choose a run' }))?.run ?? null;
}

/** The experiment as it is on disk, unsaved changes saved first because the worker reads the disk. */
export async function readSavedExperiment(uri: vscode.Uri): Promise<LoadedExperiment> {
  const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
  // Asked of the window whatever `isDirty` says here: an edit of this very moment may not have reached this process yet.
  await document?.save();
  return readExperiment(uri.fsPath);
}

function uriOf(target: ExperimentTarget): vscode.Uri {
  if (!('kind' in target)) return target;
  return target.kind === 'run' ? vscode.Uri.file(target.record.experiment) : target.uri;
}
