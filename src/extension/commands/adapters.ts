import * as vscode from 'vscode';
import { appendAudit } from '../../experiments/audit.ts';
import { processEnvironment } from '../../experiments/environment.ts';
import { deleteAdapter } from '../../experiments/library.ts';
import type { AdapterNode } from '../adaptersTree.ts';
import { formatFigure } from '../figures.ts';
import type { Softprompt } from '../softprompt.ts';
import { adapterDescription, adapterLabel } from '../treeLabels.ts';
import type { StoredAdapter } from '../workspaceIndex.ts';
import { abortedBy } from './cancellation.ts';
import { requireModel } from './model.ts';

/** Makes an adapter the one that answers. */
export async function swapAdapter(app: Softprompt, target: AdapterNode | string | undefined): Promise<void> {
  const adapter = await chooseAdapter(app, target, 'Swap Adapter');
  if (adapter === null) return;
  await activate(app, adapter);
}

/** Lets the base model answer alone. */
export async function useBaseModel(app: Softprompt): Promise<void> {
  const active = app.session.state.adapter;
  if (active === null) {
    void vscode.window.showInformationMessage('No adapter is active: the base model answers already.');
    return;
  }
  const before = (await app.index.adapters()).find(({ entry }) => entry.dir === active) ?? null;
  await activate(app, null);
  if (before === null) return;
  await appendAudit(before.store, { action: 'deactivated', adapter: reference(before) }, processEnvironment());
}

/** Shows an adapter's files: in the explorer when they lie in the workspace, else in the system's file manager. */
export async function revealAdapter(app: Softprompt, target: AdapterNode | undefined): Promise<void> {
  const adapter = await chooseAdapter(app, target, 'Reveal Adapter');
  if (adapter === null) return;
  const file = vscode.Uri.joinPath(vscode.Uri.file(adapter.entry.dir), 'adapter_config.json');
  const inside = vscode.workspace.getWorkspaceFolder(file) !== undefined;
  await vscode.commands.executeCommand(inside ? 'revealInExplorer' : 'revealFileInOS', file);
}

/** Deletes an adapter's version after asking. */
export async function removeAdapter(app: Softprompt, target: AdapterNode | undefined): Promise<void> {
  const adapter = await chooseAdapter(app, target, 'Delete Adapter');
  if (adapter === null) return;
  const { store, entry } = adapter;
  const active = entry.dir === app.session.state.adapter;
  const confirm = 'Delete';
  const chosen = await vscode.window.showWarningMessage(
    `Delete ${adapterLabel(entry)}?`,
    {
      modal: true,
      detail: `${vscode.workspace.asRelativePath(entry.dir)} is deleted for good; its run stays.${active ? ' It is the active adapter: the base model answers afterwards.' : ''}`,
    },
    confirm,
  );
  if (chosen !== confirm) return;
  await deleteAdapter(store, entry.name, entry.version, processEnvironment());
  if (active) app.session.forgetAdapter();
  app.index.refresh();
}

async function activate(app: Softprompt, adapter: StoredAdapter | null): Promise<void> {
  const model = await requireModel(app);
  if (model === null) return;
  const name = adapter === null ? 'The base model' : adapterLabel(adapter.entry);
  const report = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `${name}: swapping in`, cancellable: true },
    (_, token) => app.session.activate(adapter?.entry.dir ?? null, app.model.place(model), abortedBy(token)),
  );
  const when = report === null ? 'from the next answer on' : `now (swapped in ${formatFigure(report.milliseconds)} ms)`;
  vscode.window.setStatusBarMessage(`${name} answers ${when}`, 5000);
  if (adapter === null) return;
  await appendAudit(adapter.store, { action: 'activated', adapter: reference(adapter) }, processEnvironment());
}

/** The adapter a command was started on, or that a person chooses; null when there is none or nobody chose. */
export async function chooseAdapter(
  app: Softprompt,
  target: AdapterNode | string | undefined,
  prompt: string,
): Promise<StoredAdapter | null> {
  const adapters = (await app.index.adapters()).filter(({ entry }) => entry.readOnly === null);
  if (typeof target === 'object') return target;
  if (target !== undefined) return adapters.find(({ entry }) => entry.dir === target) ?? null;
  if (adapters.length === 0) {
    void vscode.window.showInformationMessage('There is no adapter yet: training an experiment makes one.');
    return null;
  }
  const active = app.session.state.adapter;
  const picks = adapters.map((adapter) => ({
    label: `${adapter.entry.dir === active ? '$(check) ' : ''}${adapterLabel(adapter.entry)}`,
    description: adapterDescription(adapter.entry),
    adapter,
  }));
  const pick = await vscode.window.showQuickPick(picks, { title: prompt, placeHolder: 'Choose an adapter' });
  return pick?.adapter ?? null;
}

/** NAME@VERSION, as the audit log and the command line call it. */
export function reference({ entry }: StoredAdapter): string {
  return `${entry.name}@${entry.version}`;
}
