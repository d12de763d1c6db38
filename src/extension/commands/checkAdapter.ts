import * as vscode from 'vscode';
import { checkAdapter } from '../../worker/protocol.ts';
import type { AdapterNode } from '../adaptersTree.ts';
import type { Softprompt } from '../softprompt.ts';
import { adapterLabel } from '../treeLabels.ts';
import { chooseAdapter } from './adapters.ts';
import { abortedBy } from './cancellation.ts';
import { requireModel } from './model.ts';

/** Checks an adapter on the workspace model; its row and tooltip show what was found. */
export async function checkAdapterOnModel(app: Softprompt, target: AdapterNode | undefined): Promise<void> {
  const adapter = await chooseAdapter(app, target, 'Check Adapter');
  if (adapter === null) return;
  const model = await requireModel(app);
  if (model === null) return;
  const { dir, device } = app.model.place(model);
  const params = { model: dir, device, adapter: adapter.entry.dir, store: adapter.store };
  const label = adapterLabel(adapter.entry);
  const found = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Checking ${label}`, cancellable: true },
    (progress, token) =>
      app.session.work(`checking ${label}`, checkAdapter, params, abortedBy(token), ({ done, all }) =>
        progress.report({ message: `${done} of ${all} checks`, increment: 100 / all }),
      ),
  );
  app.index.refresh();
  const failed = found.filter(({ passed }) => passed === false);
  if (failed.length === 0) {
    void vscode.window.showInformationMessage(`${label}: every check that applies has passed.`);
  } else {
    const names = failed.map(({ name }) => name.replaceAll('_', ' ')).join(', ');
    const first = failed[0]?.todo ?? '';
    void vscode.window.showWarningMessage(`${label} failed: ${names}. ${first} Its tooltip has the figures.`);
  }
}
