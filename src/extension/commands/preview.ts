import * as vscode from 'vscode';
import { preview } from '../../worker/protocol.ts';
import type { ExperimentTarget } from '../contributions.ts';
import type { Softprompt } from '../softprompt.ts';
import { abortedBy } from './cancellation.ts';
import { chooseExperiment, readSavedExperiment } from './experiments.ts';

/** Shows what an experiment would train, module by module, beside its file. */
export async function previewExperiment(app: Softprompt, target: ExperimentTarget | undefined): Promise<void> {
  const uri = await chooseExperiment(app, target, 'Preview Experiment');
  if (uri === null) return;
  const { file, name } = await readSavedExperiment(uri);
  const title = `Looking at what ${name} trains`;
  const lines = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (_, token) => app.session.work(title, preview, { experiment: file, set: [] }, abortedBy(token), () => undefined),
  );
  const document = await app.texts.open(`${name} trains`, lines.join('\n'));
  const { Active, Beside } = vscode.ViewColumn;
  const viewColumn = vscode.window.activeTextEditor === undefined ? Active : Beside;
  await vscode.window.showTextDocument(document, { viewColumn, preserveFocus: true });
}
