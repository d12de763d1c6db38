import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { appendAudit } from '../../experiments/audit.ts';
import { processEnvironment } from '../../experiments/environment.ts';
import { merge } from '../../worker/protocol.ts';
import type { AdapterNode } from '../adaptersTree.ts';
import { formatFigure } from '../figures.ts';
import { modelName } from '../modelChoice.ts';
import type { Softprompt } from '../softprompt.ts';
import { adapterLabel } from '../treeLabels.ts';
import { chooseAdapter, reference } from './adapters.ts';
import { abortedBy } from './cancellation.ts';
import { requireModel } from './model.ts';

/** Works an adapter into the workspace model, as a model folder of its own. */
export async function mergeAdapter(app: Softprompt, target: AdapterNode | undefined): Promise<void> {
  const adapter = await chooseAdapter(app, target, 'Merge into a Model Folder');
  if (adapter === null) return;
  const model = await requireModel(app);
  if (model === null) return;
  const { store, entry } = adapter;
  const folder = await vscode.window.showSaveDialog({
    title: 'Merge into a Model Folder',
    saveLabel: 'Merge',
    defaultUri: vscode.Uri.file(join(dirname(model), `${modelName(model)}-${entry.name}-${entry.version}`)),
  });
  if (folder === undefined) return;
  const params = { model, adapter: entry.dir, output: folder.fsPath };
  const title = `Merging ${adapterLabel(entry)}`;
  const { output, changed, tensors, logits } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (progress, token) =>
      app.session.work(`merging ${adapterLabel(entry)}`, merge, params, abortedBy(token), ({ done, all }) =>
        progress.report({ message: `tensor ${done} of ${all}`, increment: 100 / all }),
      ),
  );
  await appendAudit(store, { action: 'merged', adapter: reference(adapter), detail: output }, processEnvironment());
  const reveal = 'Reveal';
  const words = `${adapterLabel(entry)} is worked into ${changed.length} of ${tensors} tensors. Logits differ by at most ${formatFigure(logits.largest_change)} from those with the adapter beside the model.`;
  // Not awaited: the command is over when the folder is there.
  void vscode.window.showInformationMessage(words, reveal).then((chosen) => {
    if (chosen === reveal) void vscode.commands.executeCommand('revealFileInOS', vscode.Uri.file(output));
  });
}
