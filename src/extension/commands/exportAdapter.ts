import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { ExportOrder } from '../../worker/protocol.ts';
import type { AdapterNode } from '../adaptersTree.ts';
import { formatFigure } from '../figures.ts';
import type { Softprompt } from '../softprompt.ts';
import { adapterLabel } from '../treeLabels.ts';
import type { StoredAdapter } from '../workspaceIndex.ts';
import { chooseAdapter } from './adapters.ts';
import { abortedBy } from './cancellation.ts';
import { requireModel } from './model.ts';

/** A format as a person chooses it, and the ending of the file it is; '' for a folder. */
const formats = [
  { format: 'peft', label: 'PEFT folder', detail: 'adapter_config.json and adapter_model.safetensors', ending: '' },
  { format: 'gguf', label: 'GGUF', detail: 'LORA for llama.cpp and what is built on it', ending: '.gguf' },
  { format: 'onnx', label: 'ONNX', detail: 'The whole model with the adapter, for ONNX Runtime', ending: '.onnx' },
] as const satisfies readonly (vscode.QuickPickItem & Pick<ExportOrder, 'format'> & { readonly ending: string })[];
type Format = (typeof formats)[number];

const types = [
  { dtype: null, label: 'As it is' },
  { dtype: 'f32', label: 'f32' },
  { dtype: 'f16', label: 'f16', detail: 'Half the size, rounded to 11 bits' },
  { dtype: 'bf16', label: 'bf16', detail: 'Half the size, rounded to 8 bits' },
] as const satisfies readonly (vscode.QuickPickItem & Pick<ExportOrder, 'dtype'>)[];

/** Writes an adapter for other programs where a person says, and tells what rounding did to the logits. */
export async function exportAdapter(app: Softprompt, target: AdapterNode | undefined): Promise<void> {
  const adapter = await chooseAdapter(app, target, 'Export Adapter');
  if (adapter === null) return;
  const model = await requireModel(app);
  if (model === null) return;
  const title = `Export ${adapterLabel(adapter.entry)}`;
  const format = await vscode.window.showQuickPick(formats, { title, placeHolder: 'Choose a format' });
  if (format === undefined) return;
  const type = await vscode.window.showQuickPick(types, { title, placeHolder: 'Choose the type of its numbers' });
  if (type === undefined) return;
  const output = await chooseOutput(adapter, format, title);
  if (output === undefined) return;
  const order = { adapter: adapter.entry.dir, format: format.format, dtype: type.dtype, output: output.fsPath };
  const { files, change } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (_, token) => app.session.exportAdapter(order, app.model.place(model), abortedBy(token)),
  );
  const reveal = 'Reveal';
  const chosen = await vscode.window.showInformationMessage(
    `Wrote ${files.map((file) => basename(file)).join(' and ')}; the largest change of a logit is ${formatFigure(change.largest)}.`,
    reveal,
  );
  if (chosen === reveal) await vscode.commands.executeCommand('revealFileInOS', output);
}

/** A file for a format that is one, else a folder of the adapter's name in one that is chosen. */
async function chooseOutput(
  adapter: StoredAdapter,
  { ending }: Format,
  title: string,
): Promise<vscode.Uri | undefined> {
  const name = `${adapter.entry.name}-${adapter.entry.version}`;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (ending !== '') {
    const file = folder && vscode.Uri.joinPath(folder, `${name}${ending}`);
    const chosen = await vscode.window.showSaveDialog({
      title,
      filters: { [ending.slice(1).toUpperCase()]: [ending.slice(1)] },
      ...(file && { defaultUri: file }),
    });
    return chosen === undefined || chosen.path.endsWith(ending) ? chosen : chosen.with({ path: chosen.path + ending });
  }
  const options = { title, canSelectFiles: false, canSelectFolders: true, openLabel: 'Export Here' };
  const [into] = (await vscode.window.showOpenDialog({ ...options, ...(folder && { defaultUri: folder }) })) ?? [];
  return into && vscode.Uri.file(join(into.fsPath, name));
}
