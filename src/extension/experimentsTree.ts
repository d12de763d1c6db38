import * as vscode from 'vscode';
import { experimentSuffix, hasSweep } from '../experiments/experimentFile.ts';
import { wasKilled } from '../experiments/runs.ts';
import { commands, type TreeItemKind, treeItems } from './contributions.ts';
import { progressWords } from './progress.ts';
import { canResume, type RunState, runStateOf, runStates } from './runState.ts';
import type { Trainings } from './trainings.ts';
import { runDescription, runLabel } from './treeLabels.ts';
import { placeOf, type StoredRun, type WorkspaceIndex } from './workspaceIndex.ts';

/** An experiment's row; `missing` when only its runs are left. */
export interface ExperimentNode {
  readonly kind: 'experiment';
  readonly uri: vscode.Uri;
  readonly missing: boolean;
}

/** A run's row. */
export interface RunNode extends StoredRun {
  readonly kind: 'run';
}

type Node = ExperimentNode | RunNode;

/** A training that takes a hundred steps a second redraws its rows this often, milliseconds. */
const redrawMilliseconds = 300;

/** The Experiments view: every *.tune.yaml of the workspace, under each its runs, newest first, with their state. */
export class ExperimentsTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #index: WorkspaceIndex;
  readonly #trainings: Trainings;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: readonly { dispose(): void }[];
  #redraw: NodeJS.Timeout | null = null;
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(index: WorkspaceIndex, trainings: Trainings) {
    this.#index = index;
    this.#trainings = trainings;
    this.#subscriptions = [
      this.#changed,
      index.onDidChange(() => this.#changed.fire()),
      trainings.onDidChange(() => this.#redrawSoon()),
    ];
  }

  async getChildren(parent?: Node): Promise<Node[]> {
    const runs = await this.#index.runs();
    if (parent?.kind === 'run') return [];
    if (parent !== undefined) {
      return runs
        .filter(({ record }) => record.experiment === parent.uri.fsPath)
        .map((run) => ({ ...run, kind: 'run' }));
    }
    const files = await this.#index.experiments();
    const known = new Set(files.map((file) => file.fsPath));
    const missing = new Set(runs.map(({ record }) => record.experiment).filter((file) => !known.has(file)));
    return [
      ...files.map((uri): Node => ({ kind: 'experiment', uri, missing: false })),
      ...[...missing].map((file): Node => ({ kind: 'experiment', uri: vscode.Uri.file(file), missing: true })),
    ];
  }

  async getTreeItem(node: Node): Promise<vscode.TreeItem> {
    return node.kind === 'experiment' ? this.#experimentItem(node) : this.#runItem(node);
  }

  dispose(): void {
    if (this.#redraw !== null) clearTimeout(this.#redraw);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #redrawSoon(): void {
    this.#redraw ??= setTimeout(() => {
      this.#redraw = null;
      this.#changed.fire();
    }, redrawMilliseconds);
  }

  async #experimentItem({ uri, missing }: ExperimentNode): Promise<vscode.TreeItem> {
    const training = this.#trainings.of(uri.fsPath);
    const hasRuns = (await this.#index.runs()).some(({ record }) => record.experiment === uri.fsPath);
    const { Expanded, None } = vscode.TreeItemCollapsibleState;
    const item = new vscode.TreeItem(experimentName(uri), hasRuns ? Expanded : None);
    // A row keeps its state by its id: one that gets its first run is another row, and opens.
    item.id = `${uri.toString()}${hasRuns ? '#runs' : ''}`;
    item.tooltip = uri.fsPath;
    if (missing) {
      item.description = 'file is gone';
      item.iconPath = new vscode.ThemeIcon('warning');
      item.contextValue = treeItems.missingExperiment;
      return item;
    }
    item.resourceUri = uri;
    item.command = { command: 'vscode.open', title: 'Open', arguments: [uri] };
    if (training === null) {
      item.iconPath = new vscode.ThemeIcon('beaker');
      item.contextValue = (await hasSweep(uri.fsPath)) ? treeItems.sweepExperiment : treeItems.experiment;
      item.description = placeOf(vscode.Uri.joinPath(uri, '..'));
    } else {
      item.iconPath = new vscode.ThemeIcon('sync~spin');
      item.contextValue = treeItems.trainingExperiment;
      item.description = training.stopping
        ? 'stopping…'
        : training.progress === null
          ? 'starting…'
          : progressWords(training.progress);
    }
    return item;
  }

  #runItem(node: RunNode): vscode.TreeItem {
    const { record, store } = node;
    const live = this.#trainings.run(record.id);
    const state = runStateOf(record, live !== null, wasKilled);
    const item = new vscode.TreeItem(runLabel(record));
    item.id = `${store}/${record.id}`;
    item.description = `${runDescription(record, state, live?.progress ?? null)} · seed ${record.seed}`;
    item.iconPath = new vscode.ThemeIcon(runStates[state].icon, runColour(state));
    item.contextValue = runItemKind(state, canResume(record, state));
    item.tooltip = [record.id, `${record.device} · seed ${record.seed}`, record.adapter, record.error]
      .filter((line) => line !== null)
      .join('\n');
    item.command = { command: commands.openRuns, title: 'Open Runs', arguments: [node] };
    return item;
  }
}

/** 'commit-kind' of /somewhere/commit-kind.tune.yaml. */
export function experimentName(uri: vscode.Uri): string {
  const file = uri.path.slice(uri.path.lastIndexOf('/') + 1);
  return file.endsWith(experimentSuffix) ? file.slice(0, -experimentSuffix.length) : file;
}

function runItemKind(state: RunState, resumable: boolean): TreeItemKind {
  if (runStates[state].canStop) return treeItems.liveRun;
  return resumable ? treeItems.resumableRun : treeItems.endedRun;
}

function runColour(state: RunState): vscode.ThemeColor | undefined {
  const colours = {
    training: 'charts.blue',
    elsewhere: 'charts.blue',
    interrupted: 'charts.orange',
    finished: 'charts.green',
    stopped: undefined,
    failed: 'charts.red',
  } satisfies Record<RunState, string | undefined>;
  const colour = colours[state];
  return colour === undefined ? undefined : new vscode.ThemeColor(colour);
}
