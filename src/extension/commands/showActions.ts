import * as vscode from 'vscode';
import { type CommandId, commands } from '../contributions.ts';
import type { Softprompt } from '../softprompt.ts';
import { executeCommand } from '../vscodeTyped.ts';

/** Offers what makes sense now; what a click on the status bar opens. */
export async function showActions(app: Softprompt): Promise<void> {
  const { isTrusted } = vscode.workspace;
  const { adapter } = app.session.state;
  const action = (
    label: string,
    command: CommandId,
    when = true,
  ): { label: string; command: CommandId; when: boolean } => ({
    label,
    command,
    when,
  });
  const actions = [
    action('$(debug-stop) Stop Training', commands.stop, isTrusted && app.trainings.all.length > 0),
    action('$(arrow-swap) Swap Adapter', commands.swapAdapter, isTrusted),
    action('$(discard) Use Base Model', commands.useBaseModel, isTrusted && adapter !== null),
    action('$(comment-discussion) Evaluate Selection', commands.evaluateSelection, isTrusted),
    action('$(play) Train Experiment', commands.train, isTrusted),
    action('$(checklist) Evaluate', commands.evaluate, isTrusted),
    action('$(graph-line) Open Runs', commands.openRuns),
    action('$(symbol-class) Set Workspace Model', commands.setModel, isTrusted),
    action('$(output) Show Log', commands.showLog),
  ].filter(({ when }) => when);
  const placeHolder = isTrusted
    ? 'What should Softprompt do?'
    : 'This workspace is not trusted: Softprompt only shows what is on disk';
  const pick = await vscode.window.showQuickPick(actions, { title: 'Softprompt', placeHolder });
  if (pick !== undefined) await executeCommand(pick.command);
}
