import * as vscode from 'vscode';
import { removeAdapter, revealAdapter, swapAdapter, useBaseModel } from './commands/adapters.ts';
import { checkAdapterOnModel } from './commands/checkAdapter.ts';
import { combineAdapters } from './commands/combine.ts';
import { evaluateAdapters } from './commands/evaluate.ts';
import { evaluateSelection } from './commands/evaluateSelection.ts';
import { exportAdapter } from './commands/exportAdapter.ts';
import { exportReport } from './commands/exportReport.ts';
import { mergeAdapter } from './commands/merge.ts';
import { setWorkspaceModel } from './commands/model.ts';
import { newExperiment } from './commands/newExperiment.ts';
import { openRuns } from './commands/openRuns.ts';
import { previewExperiment } from './commands/preview.ts';
import { showActions } from './commands/showActions.ts';
import { runSweep } from './commands/sweep.ts';
import { resumeRun, stopTraining, trainExperiment } from './commands/train.ts';
import { type CommandId, type CommandTargets, commands } from './contributions.ts';
import { showFailure } from './failures.ts';
import type { Softprompt } from './softprompt.ts';
import { registerCommand } from './vscodeTyped.ts';

/** One command: what it does, and whether it runs or writes something, which an untrusted workspace may not make us do. */
interface CommandRule<Target> {
  readonly needsTrust: boolean;
  /** Chooses by itself, or says what is missing, when it is started on nothing; starts the worker when it needs it. */
  readonly run: (app: Softprompt, target: Target | undefined) => Promise<unknown>;
}

const table: { readonly [C in CommandId]: CommandRule<CommandTargets[C]> } = {
  [commands.train]: { needsTrust: true, run: trainExperiment },
  [commands.sweep]: { needsTrust: true, run: runSweep },
  [commands.preview]: { needsTrust: true, run: previewExperiment },
  [commands.stop]: { needsTrust: true, run: stopTraining },
  [commands.resume]: { needsTrust: true, run: resumeRun },
  [commands.evaluate]: { needsTrust: true, run: evaluateAdapters },
  [commands.swapAdapter]: { needsTrust: true, run: swapAdapter },
  [commands.useBaseModel]: { needsTrust: true, run: useBaseModel },
  [commands.evaluateSelection]: { needsTrust: true, run: evaluateSelection },
  [commands.dismissAnswer]: { needsTrust: false, run: async (app) => app.inline.dismiss() },
  [commands.setModel]: { needsTrust: true, run: (app) => setWorkspaceModel(app) },
  [commands.openRuns]: { needsTrust: false, run: openRuns },
  [commands.exportReport]: { needsTrust: true, run: exportReport },
  [commands.newExperiment]: { needsTrust: true, run: newExperiment },
  [commands.revealAdapter]: { needsTrust: false, run: revealAdapter },
  [commands.exportAdapter]: { needsTrust: true, run: exportAdapter },
  [commands.checkAdapter]: { needsTrust: true, run: checkAdapterOnModel },
  [commands.mergeAdapter]: { needsTrust: true, run: mergeAdapter },
  [commands.combineAdapters]: { needsTrust: true, run: combineAdapters },
  [commands.deleteAdapter]: { needsTrust: true, run: removeAdapter },
  [commands.showActions]: { needsTrust: false, run: showActions },
  [commands.showLog]: { needsTrust: false, run: async (app) => app.log.show() },
};

/** Registers every command. A failure is shown; where trust is missing the command says why it does nothing. */
export function registerCommands(app: Softprompt): vscode.Disposable {
  return vscode.Disposable.from(...Object.values(commands).map((command) => register(app, command)));
}

function register<C extends CommandId>(app: Softprompt, command: C): vscode.Disposable {
  const { needsTrust, run } = table[command];
  return registerCommand(command, async (target) => {
    if (needsTrust && !vscode.workspace.isTrusted) return sayUntrusted();
    try {
      await run(app, target);
    } catch (error) {
      // Not awaited: a command is over when its work is, not when somebody has read the message.
      void showFailure(error, app.log);
    }
  });
}

async function sayUntrusted(): Promise<void> {
  const manage = 'Manage Workspace Trust';
  const chosen = await vscode.window.showWarningMessage(
    'Softprompt only shows what is on disk here: the workspace is not trusted, and this would load its model and data into a process.',
    manage,
  );
  if (chosen === manage) await vscode.commands.executeCommand('workbench.trust.manage');
}
