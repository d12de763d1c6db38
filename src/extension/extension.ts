import * as vscode from 'vscode';
import { WorkerClient } from '../worker/client.ts';
import { keepActiveAdapter, rememberedAdapter } from './activeAdapter.ts';
import { AdaptersTree } from './adaptersTree.ts';
import { registerCommands } from './commandTable.ts';
import { contextKeys, runsPanelType, views } from './contributions.ts';
import { ExperimentDiagnostics } from './experimentDiagnostics.ts';
import { ExperimentsTree } from './experimentsTree.ts';
import { showCrash, showSilence } from './failures.ts';
import { InlineEvaluation } from './inlineEvaluation.ts';
import { ReadOnlyTexts } from './readOnlyTexts.ts';
import { RunsPanel } from './runsPanel.ts';
import { StatusBar } from './statusBar.ts';
import { Trainings } from './trainings.ts';
import { setContext } from './vscodeTyped.ts';
import { WorkerSession } from './workerSession.ts';
import { WorkspaceIndex } from './workspaceIndex.ts';
import { WorkspaceModel } from './workspaceModel.ts';

/** Registers everything; starts no process and loads no model. */
export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Softprompt', { log: true });
  const entry = vscode.Uri.joinPath(context.extensionUri, 'dist', 'worker.cjs').fsPath;
  const session = new WorkerSession(() => new WorkerClient({ entry }), rememberedAdapter(context.workspaceState));
  const index = new WorkspaceIndex();
  const model = new WorkspaceModel(index);
  const trainings = new Trainings(session);
  const runsPanel = new RunsPanel(context.extensionUri, index, trainings, log);
  const inline = new InlineEvaluation();
  const adapters = new AdaptersTree(index, session);
  const experiments = new ExperimentsTree(index, trainings);
  const texts = new ReadOnlyTexts();
  const app = { index, model, session, trainings, runsPanel, inline, texts, log };

  context.subscriptions.push(
    log,
    session,
    index,
    trainings,
    runsPanel,
    inline,
    texts,
    adapters,
    experiments,
    new StatusBar(session, model, index),
    new ExperimentDiagnostics(),
    registerCommands(app),
    vscode.window.createTreeView(views.adapters, { treeDataProvider: adapters }),
    showExperiments(experiments),
    vscode.window.registerWebviewPanelSerializer(runsPanelType, runsPanel),
    session.onLog((line) => log.info(line)),
    session.onCrash((exit) => void showCrash(exit, log)),
    session.onSilence((seconds) => void showSilence(seconds, () => session.endWorker(), log)),
    ...keepActiveAdapter(context.workspaceState, session, index),
    trainings.onDidChange(() => setContext(contextKeys.training, trainings.all.length > 0)),
  );
}

/** Shows the experiments; in an untrusted workspace with a line that says why the actions are grey. */
function showExperiments(treeDataProvider: ExperimentsTree): vscode.Disposable {
  const tree = vscode.window.createTreeView(views.experiments, { treeDataProvider });
  if (vscode.workspace.isTrusted) return tree;
  tree.message = 'Viewing only: this workspace is not trusted, and training or evaluating would run on its files.';
  const trusted = vscode.workspace.onDidGrantWorkspaceTrust(() => {
    tree.message = '';
  });
  return vscode.Disposable.from(tree, trusted);
}
