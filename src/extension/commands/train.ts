import * as vscode from 'vscode';
import { wasKilled } from '../../experiments/runs.ts';
import type { TrainReport } from '../../worker/protocol.ts';
import { commands, type ExperimentTarget } from '../contributions.ts';
import { progressWords } from '../progress.ts';
import { canResume, runStateOf } from '../runState.ts';
import type { Softprompt } from '../softprompt.ts';
import { executeCommand } from '../vscodeTyped.ts';
import type { TrainingOrder } from '../workerSession.ts';
import { storeOf } from '../workspaceIndex.ts';
import { deviceOverride } from './deviceOverride.ts';
import { chooseExperiment, chooseRun, readSavedExperiment } from './experiments.ts';

/** Trains an experiment and shows its run. */
export async function trainExperiment(app: Softprompt, target: ExperimentTarget | undefined): Promise<void> {
  const uri = await chooseExperiment(app, target, 'Train Experiment');
  if (uri === null) return;
  const { file, name, experiment } = await readSavedExperiment(uri);
  await train(app, { experiment: file, name, store: storeOf(uri), resume: null, set: deviceOverride(experiment) });
}

/** Goes on with a run that was stopped, killed or failed after a checkpoint. */
export async function resumeRun(app: Softprompt, target: ExperimentTarget | undefined): Promise<void> {
  const resumable = ({ record }: { record: Parameters<typeof canResume>[0] }): boolean =>
    canResume(record, runStateOf(record, app.trainings.run(record.id) !== null, wasKilled));
  const run = await chooseRun(
    app,
    target,
    'Resume',
    resumable,
    'No run can be resumed: none of them ended early with a checkpoint.',
  );
  if (run === null) return;
  if (!resumable(run)) {
    void vscode.window.showInformationMessage('This run cannot be resumed: it is not over, or it left no checkpoint.');
    return;
  }
  const { record, store } = run;
  await train(app, { experiment: record.experiment, name: record.name, store, resume: record.id, set: [] });
}

/** Stops a training after its current step. */
export async function stopTraining(app: Softprompt, target: ExperimentTarget | undefined): Promise<void> {
  const { all } = app.trainings;
  if (all.length === 0) {
    void vscode.window.showInformationMessage('Nothing is training in this window.');
    return;
  }
  if (all.length === 1 && target === undefined) {
    app.trainings.stop(all[0]?.experiment as string);
    return;
  }
  const uri = await chooseExperiment(app, target, 'Stop');
  if (uri === null) return;
  if (app.trainings.of(uri.fsPath) === null) {
    void vscode.window.showInformationMessage('This experiment is not training in this window.');
    return;
  }
  app.trainings.stop(uri.fsPath);
}

async function train(app: Softprompt, order: TrainingOrder): Promise<void> {
  if (app.trainings.of(order.experiment) !== null) {
    void vscode.window.showInformationMessage(`${order.name} is training already.`);
    app.runsPanel.open(app.trainings.of(order.experiment)?.runId ?? null);
    return;
  }
  app.runsPanel.open(order.resume, 'training', true);
  const report = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Training ${order.name}`, cancellable: true },
    (progress, token) => {
      token.onCancellationRequested(() => app.trainings.stop(order.experiment));
      return followed(app, order, progress, () => app.trainings.train(order));
    },
  );
  await announce(app, order.name, report);
}

/** Runs `work` and tells how far the training is, from the worker's start to the last step. */
async function followed(
  app: Softprompt,
  { experiment, name }: TrainingOrder,
  notification: vscode.Progress<{ message?: string; increment?: number }>,
  work: () => Promise<TrainReport>,
): Promise<TrainReport> {
  let shown = 0;
  let runId: string | null = null;
  const tell = (): void => {
    const training = app.trainings.of(experiment);
    if (training === null) return;
    if (training.runId !== null && training.runId !== runId) {
      runId = training.runId;
      app.index.refresh();
      app.runsPanel.show(runId);
    }
    const { progress } = training;
    if (training.stopping) notification.report({ message: 'stopping after this step…' });
    else if (progress === null) notification.report({ message: waitingWords(app, name) });
    else {
      const share = (100 * progress.step) / progress.totalSteps;
      notification.report({ message: progressWords(progress), increment: share - shown });
      shown = share;
    }
  };
  const subscriptions = [app.trainings.onDidChange(tell), app.session.onDidChange(tell)];
  try {
    return await work();
  } finally {
    for (const subscription of subscriptions) subscription.dispose();
    app.index.refresh();
  }
}

function waitingWords(app: Softprompt, name: string): string {
  const { activity } = app.session.state;
  return activity === null || activity === `training ${name}`
    ? 'loading the model…'
    : `waiting: the worker is ${activity}…`;
}

async function announce(app: Softprompt, name: string, report: TrainReport): Promise<void> {
  if (report.reason === 'stopped') {
    const resume = 'Resume';
    const run = (await app.index.runs()).find(({ record }) => record.id === report.runId);
    const chosen = await vscode.window.showInformationMessage(`${name} was stopped and can be resumed.`, resume);
    if (chosen === resume && run !== undefined) await executeCommand(commands.resume, { kind: 'run', ...run });
    return;
  }
  const [swap, evaluate] = ['Swap In', 'Evaluate'];
  const early = report.reason === 'early_stopping' ? ' (early: the validation loss no longer fell)' : '';
  const chosen = await vscode.window.showInformationMessage(`${name} is trained${early}.`, swap, evaluate);
  if (chosen === swap) await executeCommand(commands.swapAdapter, report.adapter);
  if (chosen !== evaluate) return;
  const adapter = (await app.index.adapters()).find(({ entry }) => entry.dir === report.adapter);
  if (adapter !== undefined) await executeCommand(commands.evaluate, { kind: 'adapter', ...adapter });
}
