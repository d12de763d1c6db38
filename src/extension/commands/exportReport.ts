import * as vscode from 'vscode';
import { readReport } from '../../experiments/report/readReport.ts';
import { reportPage } from '../../experiments/report/report.ts';
import { writeFileAtomic } from '../../foundation/files.ts';
import type { RunNode } from '../experimentsTree.ts';
import type { Softprompt } from '../softprompt.ts';
import type { StoredRun } from '../workspaceIndex.ts';

/** Writes what is known of a run as one HTML page where a person says. */
export async function exportReport(app: Softprompt, target: RunNode | undefined): Promise<void> {
  const run = target ?? (await chooseRun(app));
  if (run === null) return;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const output = await vscode.window.showSaveDialog({
    title: `Export Report of ${run.record.name}`,
    filters: { HTML: ['html'] },
    ...(folder && { defaultUri: vscode.Uri.joinPath(folder, `${run.record.id}.html`) }),
  });
  if (output === undefined) return;
  await writeFileAtomic(output.fsPath, reportPage(await readReport(run.store, run.record)));
  const open = 'Open';
  const chosen = await vscode.window.showInformationMessage(`Wrote the report of ${run.record.name}.`, open);
  if (chosen === open) await vscode.env.openExternal(output);
}

async function chooseRun(app: Softprompt): Promise<StoredRun | null> {
  const runs = await app.index.runs();
  if (runs.length === 0) {
    void vscode.window.showInformationMessage('There is no run to report on: training an experiment makes one.');
    return null;
  }
  const items = runs.map((run) => ({ label: run.record.name, description: run.record.id, run }));
  const chosen = await vscode.window.showQuickPick(items, { title: 'Export Report', placeHolder: 'Choose a run' });
  return chosen?.run ?? null;
}
