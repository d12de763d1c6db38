import * as vscode from 'vscode';
import type { AdapterNode } from '../adaptersTree.ts';
import { commands, type ExperimentTarget } from '../contributions.ts';
import type { Softprompt } from '../softprompt.ts';
import { adapterDescription, adapterLabel } from '../treeLabels.ts';
import { executeCommand } from '../vscodeTyped.ts';
import { type StoredAdapter, storeOf } from '../workspaceIndex.ts';
import { abortedBy } from './cancellation.ts';
import { chooseExperiment, readSavedExperiment } from './experiments.ts';

/** Compares adapters of an experiment with the base model and its hard prompts, and shows the comparison. */
export async function evaluateAdapters(
  app: Softprompt,
  target: ExperimentTarget | AdapterNode | undefined,
): Promise<void> {
  const order = await chooseArms(app, target);
  if (order === null) return;
  const { uri, adapters } = order;
  const { file, name, experiment } = await readSavedExperiment(uri);
  const runId = adapters.map(({ entry }) => entry.card?.run).find((run) => run != null) ?? null;
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Evaluating ${name}`, cancellable: true },
    async (progress, token) => {
      progress.report({ message: 'waiting for the model…' });
      let shown = 0;
      await app.session.evaluate(
        { experiment: file, store: storeOf(uri), adapters: adapters.map(({ entry }) => entry.dir), runId, name },
        app.model.place(experiment.model),
        abortedBy(token),
        ({ arm, armIndex, arms, row, rows }) => {
          const share = (100 * (armIndex + row / Math.max(1, rows))) / arms;
          progress.report({ message: `${arm}: row ${row} of ${rows}`, increment: share - shown });
          shown = share;
        },
      );
    },
  );
  app.index.refresh();
  app.runsPanel.open(runId, 'evaluation', true);
}

interface Arms {
  readonly uri: vscode.Uri;
  readonly adapters: readonly StoredAdapter[];
}

async function chooseArms(app: Softprompt, target: ExperimentTarget | AdapterNode | undefined): Promise<Arms | null> {
  if (target !== undefined && 'kind' in target && target.kind === 'adapter') {
    const uri = await experimentOf(app, target);
    return uri === null ? null : { uri, adapters: [target] };
  }
  const uri = await chooseExperiment(app, target, 'Evaluate');
  if (uri === null) return null;
  const own = await adaptersOf(app, uri);
  if (target !== undefined && 'kind' in target && target.kind === 'run') {
    const adapters = own.filter(({ entry }) => entry.dir === target.record.adapter);
    if (adapters.length > 0) return { uri, adapters };
  }
  if (own.length === 0) {
    const train = 'Train Experiment';
    const message = 'This experiment has no adapter yet: training makes the first.';
    if ((await vscode.window.showInformationMessage(message, train)) === train)
      await executeCommand(commands.train, uri);
    return null;
  }
  if (own.length === 1) return { uri, adapters: own };
  const active = app.session.state.adapter;
  const preselected = own.find(({ entry }) => entry.dir === active) ?? own[0];
  const picks = own.map((adapter) => ({
    label: adapterLabel(adapter.entry),
    description: adapterDescription(adapter.entry),
    picked: adapter === preselected,
    adapter,
  }));
  const chosen = await vscode.window.showQuickPick(picks, {
    title: 'Evaluate',
    placeHolder: 'Choose the adapters to compare with the base model and the hard prompts',
    canPickMany: true,
  });
  return chosen === undefined || chosen.length === 0 ? null : { uri, adapters: chosen.map(({ adapter }) => adapter) };
}

/** The adapters that runs of this experiment made. */
async function adaptersOf(app: Softprompt, uri: vscode.Uri): Promise<readonly StoredAdapter[]> {
  const runs = (await app.index.runs()).filter(({ record }) => record.experiment === uri.fsPath);
  const made = new Set(runs.map(({ record }) => record.adapter));
  return (await app.index.adapters()).filter(({ entry }) => made.has(entry.dir));
}

/** The experiment an adapter comes from; a choice when its run is gone. */
async function experimentOf(app: Softprompt, { entry }: StoredAdapter): Promise<vscode.Uri | null> {
  const runs = await app.index.runs();
  const run = runs.find(({ record }) => record.adapter === entry.dir || record.id === entry.card?.run);
  const files = await app.index.experiments();
  const file = files.find((uri) => uri.fsPath === run?.record.experiment);
  return file ?? chooseExperiment(app, undefined, `Evaluate ${adapterLabel(entry)} on the rows of`);
}
