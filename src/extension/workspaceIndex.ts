import { dirname, join, relative, sep } from 'node:path';
import * as vscode from 'vscode';
import { type ComparisonRecord, listComparisons } from '../experiments/comparisonStore.ts';
import { experimentSuffix } from '../experiments/experimentFile.ts';
import { type AdapterEntry, listAdapters } from '../experiments/library.ts';
import type { RunRecord } from '../experiments/records.ts';
import { listRuns } from '../experiments/runs.ts';
import { findStore, storeName } from '../experiments/store.ts';
import { Debounced } from './debounce.ts';

/** An adapter and the store (`.softprompt`) it lies in. */
export interface StoredAdapter {
  readonly store: string;
  readonly entry: AdapterEntry;
}

/** A run and the store it lies in. */
export interface StoredRun {
  readonly store: string;
  readonly record: RunRecord;
}

/** A comparison of methods and the store it lies in. */
export interface StoredComparison {
  readonly store: string;
  readonly record: ComparisonRecord;
}

const experimentPattern = `**/*${experimentSuffix}`;
/** A run's folder holds a copy of its experiment. */
const ignoredFolders = `**/{node_modules,${storeName}}/**`;
/** Several files change when a run ends. */
const settleMilliseconds = 200;

/**
 * What the workspace holds on disk: experiments, runs, adapters and comparisons of methods. Each is listed when first asked for and again after
 * a file of its kind has changed, whoever changed it.
 */
export class WorkspaceIndex implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #disposables: vscode.Disposable[] = [this.#changed];
  #experiments: Promise<readonly vscode.Uri[]> | null = null;
  #runs: Promise<readonly StoredRun[]> | null = null;
  #adapters: Promise<readonly StoredAdapter[]> | null = null;
  #comparisons: Promise<readonly StoredComparison[]> | null = null;

  /** Something on disk has changed; what is asked for next is read anew. */
  readonly onDidChange = this.#changed.event;

  constructor() {
    const settled = new Debounced(() => this.#changed.fire(), settleMilliseconds);
    const watch = (pattern: string, forget: () => void): void => {
      const watcher = vscode.workspace.createFileSystemWatcher(pattern);
      const changed = (): void => {
        forget();
        settled.trigger();
      };
      this.#disposables.push(
        watcher,
        watcher.onDidCreate(changed),
        watcher.onDidChange(changed),
        watcher.onDidDelete(changed),
      );
    };
    watch(experimentPattern, () => {
      this.#experiments = null;
    });
    watch(`**/${storeName}/runs/*/{run,evaluation}.json`, () => {
      this.#runs = null;
    });
    watch(`**/${storeName}/comparisons/*/comparison.json`, () => {
      this.#comparisons = null;
    });
    watch(`**/${storeName}/adapters/**`, () => {
      this.#adapters = null;
    });
    this.#disposables.push(
      settled,
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.refresh()),
    );
  }

  /** Every *.tune.yaml of the workspace, by path. */
  experiments(): Promise<readonly vscode.Uri[]> {
    this.#experiments ??= Promise.resolve(vscode.workspace.findFiles(experimentPattern, ignoredFolders)).then((files) =>
      files.sort((a, b) => (a.fsPath < b.fsPath ? -1 : 1)),
    );
    return this.#experiments;
  }

  /** Every run, newest first. */
  runs(): Promise<readonly StoredRun[]> {
    this.#runs ??= this.#collect(async (store) => (await listRuns(store)).map((record) => ({ store, record }))).then(
      (runs) => runs.sort((a, b) => (a.record.started < b.record.started ? 1 : -1)),
    );
    return this.#runs;
  }

  /** Every adapter, by name, the newest version of each first. */
  adapters(): Promise<readonly StoredAdapter[]> {
    this.#adapters ??= this.#collect(async (store) => (await listAdapters(store)).map((entry) => ({ store, entry })));
    return this.#adapters;
  }

  /** Every comparison of methods, newest first. */
  comparisons(): Promise<readonly StoredComparison[]> {
    this.#comparisons ??= this.#collect(async (store) =>
      (await listComparisons(store)).map((record) => ({ store, record })),
    ).then((found) => found.sort((a, b) => (a.record.started < b.record.started ? 1 : -1)));
    return this.#comparisons;
  }

  /** Reads everything anew, for changes that no watcher tells of. */
  refresh(): void {
    this.#experiments = null;
    this.#runs = null;
    this.#adapters = null;
    this.#comparisons = null;
    this.#changed.fire();
  }

  /** What all stores hold: those of the workspace folders and those that the experiments use. */
  async #collect<T>(list: (store: string) => Promise<T[]>): Promise<T[]> {
    const folders = vscode.workspace.workspaceFolders ?? [];
    const stores = new Set(folders.map((folder) => join(folder.uri.fsPath, storeName)));
    for (const experiment of await this.experiments()) stores.add(storeOf(experiment));
    return (await Promise.all([...stores].map(list))).flat();
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }
}

/** The store of an experiment: that of the nearest folder that has one, else of its workspace folder. */
export function storeOf(experiment: vscode.Uri): string {
  const folder = vscode.workspace.getWorkspaceFolder(experiment);
  return findStore(experiment.fsPath, folder?.uri.fsPath ?? dirname(experiment.fsPath));
}

/** Where a folder lies in the workspace, '' for its only root: 'nested/data', or 'root/nested/data' when it has several roots. */
export function placeOf(folder: vscode.Uri): string {
  const root = vscode.workspace.getWorkspaceFolder(folder);
  if (root === undefined) return folder.fsPath;
  const several = (vscode.workspace.workspaceFolders ?? []).length > 1;
  return [several ? root.name : '', ...relative(root.uri.fsPath, folder.fsPath).split(sep)]
    .filter((part) => part !== '')
    .join('/');
}
