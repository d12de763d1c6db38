import { sep } from 'node:path';
import * as vscode from 'vscode';
import { explain, isAbort, SoftpromptError } from '../foundation/errors.ts';
import type { WorkerExit } from '../worker/client.ts';

/** Shows what went wrong and what to do about it; somebody's own cancelling is no failure, and a crash is told by `showCrash`. */
export async function showFailure(error: unknown, log: vscode.LogOutputChannel): Promise<void> {
  if (isAbort(error) || SoftpromptError.is(error, 'worker-exited')) return;
  log.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const { what, todo } = explain(error);
  if (SoftpromptError.is(error, 'experiment-invalid')) {
    const [first] = error.details.problems;
    const open = 'Open File';
    const message = `${vscode.workspace.asRelativePath(error.details.file)}, line ${first?.line ?? 1}: ${first?.message ?? what}`;
    if ((await vscode.window.showErrorMessage(message, open)) === open) {
      const at = new vscode.Position((first?.line ?? 1) - 1, (first?.column ?? 1) - 1);
      await vscode.window.showTextDocument(vscode.Uri.file(error.details.file), {
        selection: new vscode.Range(at, at),
      });
    }
    return;
  }
  await offerLog(inWorkspace(todo === undefined ? what : `${what} ${todo}`), log);
}

/** Lines of its log that a crash is told with; the log holds them all. */
const lastLines = 3;

/** What Node prints after an error's own words. */
const stackLine = /^(at |Node\.js v)/;

/** Says that the worker is gone, with its last words; the next request starts another. */
export async function showCrash(exit: WorkerExit, log: vscode.LogOutputChannel): Promise<void> {
  const how = exit.signal === null ? `code ${exit.code}` : exit.signal;
  const last = exit.lastLog.map((line) => line.trim()).filter((line) => line !== '' && !stackLine.test(line));
  const words = last.length === 0 ? '' : ` Its last words: ${last.slice(-lastLines).join(' ⏎ ')}`;
  const message = `The Softprompt worker has ended (${how}). The next request starts it again.${words}`;
  log.error(message);
  await offerLog(message, log);
}

/** The words with the paths inside the workspace as a person sees them there: a notification has little room. */
function inWorkspace(words: string): string {
  const roots = vscode.workspace.workspaceFolders ?? [];
  const shown = (name: string): string => (roots.length > 1 ? `${name}${sep}` : '');
  return roots.reduce((text, { name, uri }) => text.replaceAll(`${uri.fsPath}${sep}`, shown(name)), words);
}

/** The button also keeps VS Code from folding the message into one line. */
async function offerLog(message: string, log: vscode.LogOutputChannel): Promise<void> {
  const show = 'Show Log';
  if ((await vscode.window.showErrorMessage(message, show)) === show) log.show();
}

/** Says that the worker does not answer, and offers to end it. */
export async function showSilence(seconds: number, endWorker: () => void, log: vscode.LogOutputChannel): Promise<void> {
  const [show, end] = ['Show Log', 'End Worker'];
  const message = `The Softprompt worker has not been heard of for ${seconds} s. The machine may be busy; ending the worker loses what it does now.`;
  const chosen = await vscode.window.showWarningMessage(message, show, end);
  if (chosen === show) log.show();
  if (chosen === end) endWorker();
}
