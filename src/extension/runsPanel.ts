import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { readComparedArms } from '../experiments/comparisonStore.ts';
import { readEvents } from '../experiments/eventLog.ts';
import { readEvaluation } from '../experiments/runs.ts';
import { startWarnings } from '../experiments/startWarnings.ts';
import { storeName } from '../experiments/store.ts';
import type { TrainingEvent } from '../training/events.ts';
import { commands, runsPanelType } from './contributions.ts';
import { Batcher } from './debounce.ts';
import { summarize, summarizeComparison } from './runSummary.ts';
import { type HostMessage, isPageMessage, type PageMessage, type RunPart } from './runsMessages.ts';
import { runsPage } from './runsPage.ts';
import type { Trainings } from './trainings.ts';
import { executeCommand } from './vscodeTyped.ts';
import type { StoredRun, WorkspaceIndex } from './workspaceIndex.ts';

/** Points reach the page at most this often, milliseconds. */
const batchMilliseconds = 120;
/** The log of a run that another process trains is read anew this often at most, milliseconds. */
const othersMilliseconds = 1000;

/**
 * The runs panel: losses while they fall, runs laid over each other, evaluations compared. It keeps no state of its own:
 * the page asks for the runs it shows, and what it is told is read from disk and from the trainings of this window.
 */
export class RunsPanel implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #extension: vscode.Uri;
  readonly #index: WorkspaceIndex;
  readonly #trainings: Trainings;
  readonly #log: vscode.LogOutputChannel;
  readonly #points = new Batcher<TrainingEvent>((runId, events) => {
    this.#post({ type: 'events', runId, whole: false, events, warnings: warningsOf(events) });
  }, batchMilliseconds);
  readonly #list = new Batcher<null>(() => void this.#sendRuns(), batchMilliseconds);
  readonly #subscriptions: readonly { dispose(): void }[];
  #panel: vscode.WebviewPanel | null = null;
  /** Runs whose points the page shows. */
  #loaded = new Set<string>();
  /** Run to show as soon as the page is there. */
  #toShow: { readonly runId: string; readonly part: RunPart } | null = null;
  #pageReady = false;

  constructor(extension: vscode.Uri, index: WorkspaceIndex, trainings: Trainings, log: vscode.LogOutputChannel) {
    this.#extension = extension;
    this.#index = index;
    this.#trainings = trainings;
    this.#log = log;
    this.#subscriptions = [
      this.#points,
      this.#list,
      trainings.onEvent(({ runId, event }) => {
        if (this.#panel !== null && this.#loaded.has(runId)) this.#points.add(runId, event);
      }),
      trainings.onDidChange(() => this.#list.add('', null)),
      index.onDidChange(() => void this.#refresh()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.#list.add('', null)),
    ];
  }

  /** Shows the panel, and this run in it. */
  open(runId: string | null, part: RunPart = 'training', preserveFocus = false): void {
    if (this.#panel === null) {
      const panel = vscode.window.createWebviewPanel(
        runsPanelType,
        'Softprompt Runs',
        { viewColumn: vscode.ViewColumn.Beside, preserveFocus },
        this.#options(),
      );
      this.#adopt(panel);
    } else {
      this.#panel.reveal(undefined, preserveFocus);
    }
    if (runId !== null) this.show(runId, part);
  }

  /** Shows this run if the panel is open. */
  show(runId: string, part: RunPart = 'training'): void {
    this.#toShow = { runId, part };
    void this.#sendRuns();
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    panel.webview.options = this.#options();
    this.#adopt(panel);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#panel?.dispose();
  }

  #options(): vscode.WebviewOptions {
    return { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(this.#extension, 'dist', 'webview')] };
  }

  #adopt(panel: vscode.WebviewPanel): void {
    this.#panel?.dispose();
    this.#panel = panel;
    this.#pageReady = false;
    const watcher = this.#watchOtherProcesses();
    panel.iconPath = vscode.Uri.joinPath(this.#extension, 'media', 'icon.png');
    panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message));
    panel.onDidChangeViewState(() => {
      // A page that is hidden is taken down; what is posted before it is there again is lost.
      if (!panel.visible) this.#pageReady = false;
    });
    panel.onDidDispose(() => {
      watcher.dispose();
      if (this.#panel !== panel) return;
      this.#panel = null;
      this.#pageReady = false;
      this.#loaded.clear();
    });
    const file = (name: string): string =>
      panel.webview.asWebviewUri(vscode.Uri.joinPath(this.#extension, 'dist', 'webview', name)).toString();
    panel.webview.html = runsPage({
      nonce: randomBytes(16).toString('base64'),
      source: panel.webview.cspSource,
      script: file('runs.js'),
      style: file('runs.css'),
    });
  }

  /** Follows runs that are trained by the command line or in another window. */
  #watchOtherProcesses(): vscode.Disposable {
    const watcher = vscode.workspace.createFileSystemWatcher(`**/${storeName}/runs/*/events.jsonl`, true, false, true);
    const changed = new Batcher<null>((runId) => void this.#sendRun(runId), othersMilliseconds);
    watcher.onDidChange(({ path }) => {
      const runId = path.split('/').at(-2) ?? '';
      if (this.#loaded.has(runId) && this.#trainings.run(runId) === null) changed.add(runId, null);
    });
    return vscode.Disposable.from(watcher, changed);
  }

  #receive(message: unknown): void {
    if (!isPageMessage(message)) {
      this.#log.error('The runs panel sent a message that is none of its own.', message);
      return;
    }
    void this.#handle(message).catch((error: unknown) => this.#log.error('The runs panel could not be served.', error));
  }

  async #handle(message: PageMessage): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.#pageReady = true;
        this.#loaded.clear();
        return this.#sendRuns();
      case 'load':
        this.#loaded.add(message.runId);
        return this.#sendRun(message.runId);
      case 'unload':
        this.#loaded.delete(message.runId);
        return;
      case 'loadComparison':
        return this.#sendComparison(message.comparisonId);
      case 'stop':
      case 'resume':
      case 'evaluate':
      case 'exportReport': {
        const run = await this.#find(message.runId);
        if (run !== null) await executeCommand(commands[message.type], { kind: 'run', ...run });
      }
    }
  }

  async #find(runId: string): Promise<StoredRun | null> {
    return (await this.#index.runs()).find(({ record }) => record.id === runId) ?? null;
  }

  async #refresh(): Promise<void> {
    if (this.#panel === null) return;
    await this.#sendRuns();
    for (const runId of this.#loaded) await this.#sendRun(runId);
  }

  async #sendRuns(): Promise<void> {
    if (!this.#pageReady) return;
    const [runs, adapters] = await Promise.all([this.#index.runs(), this.#index.adapters()]);
    const comparisons = await this.#index.comparisons();
    const adapterDirs = new Set(adapters.map(({ entry }) => entry.dir));
    this.#post({
      type: 'runs',
      runs: runs.map(({ record }) => summarize(record, this.#trainings.run(record.id), adapterDirs)),
      starting: this.#trainings.all.some(({ runId }) => runId === null),
      trusted: vscode.workspace.isTrusted,
    });
    this.#post({ type: 'comparisons', comparisons: comparisons.map(({ record }) => summarizeComparison(record)) });
    // After the list, so that the page knows the run.
    if (this.#toShow !== null) this.#post({ type: 'show', ...this.#toShow });
    this.#toShow = null;
  }

  /** What is on disk, and after it what this window has heard and the disk may not have yet; the page drops doubles. */
  async #sendRun(runId: string): Promise<void> {
    const run = await this.#find(runId);
    if (run === null) return;
    const onDisk = await readEvents(run.store, runId);
    const live = this.#trainings.run(runId)?.events ?? [];
    const events = [...onDisk, ...live];
    this.#post({ type: 'events', runId, whole: true, events, warnings: warningsOf(events) });
    this.#post({ type: 'evaluation', runId, result: await readEvaluation(run.store, runId) });
  }

  async #sendComparison(comparisonId: string): Promise<void> {
    const found = (await this.#index.comparisons()).find(({ record }) => record.id === comparisonId);
    const evaluation = found === undefined ? null : await readComparedArms(found.store, comparisonId);
    const comparison = evaluation === null ? null : { trainings: found!.record.trainings, evaluation };
    this.#post({ type: 'comparison', comparisonId, comparison });
  }

  #post(message: HostMessage): void {
    void this.#panel?.webview.postMessage(message);
  }
}

function warningsOf(events: readonly TrainingEvent[]): readonly string[] | null {
  const start = events.findLast((event) => event.event === 'start');
  return start === undefined ? null : startWarnings(start);
}
