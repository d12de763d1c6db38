import * as vscode from 'vscode';
import { unfinishedSweep } from '../../experiments/sweepStore.ts';
import { SoftpromptError } from '../../foundation/errors.ts';
import { type SweepOrder, type SweepReport, sweep } from '../../worker/protocol.ts';
import { commands, type ExperimentTarget } from '../contributions.ts';
import type { Softprompt } from '../softprompt.ts';
import { sweepDocument } from '../sweepDocument.ts';
import { executeCommand } from '../vscodeTyped.ts';
import { storeOf } from '../workspaceIndex.ts';
import { abortedBy } from './cancellation.ts';
import { deviceOverride } from './deviceOverride.ts';
import { chooseExperiment, readSavedExperiment } from './experiments.ts';

/** Trains an experiment with the values of its sweep, or goes on with one that was cut off, and shows the ranked table. */
export async function runSweep(app: Softprompt, target: ExperimentTarget | undefined): Promise<void> {
  const uri = await chooseExperiment(app, target, 'Run Sweep');
  if (uri === null) return;
  const { file, name, experiment } = await readSavedExperiment(uri);
  if (experiment.sweep === undefined) throw new SoftpromptError('sweep-missing', { file });
  const activity = `sweeping ${name}`;
  if (app.session.state.activity === activity) {
    void vscode.window.showInformationMessage(`A sweep of ${name} is running already.`);
    return;
  }
  const store = storeOf(uri);
  const resume = await chooseResume(name, await unfinishedSweep(store, file));
  if (resume === undefined) return;
  const set = resume === null ? [...deviceOverride(experiment)] : [];
  const report = await follow(app, name, activity, { experiment: file, set, store, resume });
  app.index.refresh();
  await show(app, name, report);
  await announce(name, report);
}

/** The sweep to go on with, null for a new one, undefined for neither. */
async function chooseResume(name: string, open: string | null): Promise<string | null | undefined> {
  if (open === null) return null;
  const [goOn, anew] = ['Go On', 'Begin Anew'];
  const chosen = await vscode.window.showInformationMessage(
    `A sweep of ${name} was cut off.`,
    { modal: true, detail: `Going on keeps what ${open} has trained, and the experiment as it was then.` },
    goOn,
    anew,
  );
  if (chosen === undefined) return undefined;
  return chosen === goOn ? open : null;
}

function follow(app: Softprompt, name: string, activity: string, order: SweepOrder): Thenable<SweepReport> {
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Sweeping ${name}`, cancellable: true },
    (progress, token) => {
      let shown = 0;
      progress.report({ message: 'waiting for the worker…' });
      token.onCancellationRequested(() => progress.report({ message: 'stopping after this step…' }));
      return app.session.work(activity, sweep, order, abortedBy(token), ({ done, all, note }) => {
        const share = (100 * done) / Math.max(1, all);
        const message = [`${done} of ${all} trainings`, ...(note === undefined ? [] : [note])].join(' · ');
        progress.report({ message, increment: share - shown });
        shown = share;
      });
    },
  );
}

/** The table, in a preview where there is one. */
async function show(app: Softprompt, name: string, report: SweepReport): Promise<void> {
  const trained = report.rows.filter(({ state }) => state !== 'waiting').length;
  const edition = `${report.id}-${trained}${report.finished ? '-finished' : ''}`;
  const document = await app.texts.open(`Sweep of ${name}.md`, sweepDocument(name, report), edition);
  try {
    await vscode.commands.executeCommand('markdown.showPreview', document.uri);
  } catch {
    // The extension that shows Markdown can be turned off.
    await vscode.window.showTextDocument(document, { preserveFocus: true });
  }
}

async function announce(name: string, { finished, adapter }: SweepReport): Promise<void> {
  if (!finished) {
    void vscode.window.showInformationMessage(`The sweep of ${name} was stopped; “Run Sweep” goes on with it.`);
    return;
  }
  if (adapter === null) {
    void vscode.window.showWarningMessage(
      `The sweep of ${name} is over, and no combination could be trained to the end.`,
    );
    return;
  }
  const swap = 'Swap In';
  const chosen = await vscode.window.showInformationMessage(
    `The sweep of ${name} is over; its best is an adapter.`,
    swap,
  );
  if (chosen === swap) await executeCommand(commands.swapAdapter, adapter);
}
