import * as vscode from 'vscode';
import { commands } from './contributions.ts';
import type { ModelChoice } from './modelChoice.ts';
import { statusDetails, statusText } from './statusText.ts';
import type { WorkerSession } from './workerSession.ts';
import type { WorkspaceIndex } from './workspaceIndex.ts';
import type { WorkspaceModel } from './workspaceModel.ts';

/** The status bar's item; a click offers what can be done. */
export class StatusBar implements vscode.Disposable {
  readonly #session: WorkerSession;
  readonly #model: WorkspaceModel;
  readonly #item: vscode.StatusBarItem;
  readonly #subscriptions: readonly { dispose(): void }[];
  #choice: ModelChoice = { dir: null, reason: 'looking for one' };

  constructor(session: WorkerSession, model: WorkspaceModel, index: WorkspaceIndex) {
    this.#session = session;
    this.#model = model;
    this.#item = vscode.window.createStatusBarItem('softprompt', vscode.StatusBarAlignment.Left, 0);
    this.#item.name = 'Softprompt';
    this.#item.command = commands.showActions;
    this.#subscriptions = [
      this.#item,
      session.onDidChange(() => this.#draw()),
      index.onDidChange(() => void this.#choose()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('softprompt')) void this.#choose();
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => void this.#choose()),
    ];
    this.#draw();
    this.#item.show();
    void this.#choose();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  async #choose(): Promise<void> {
    this.#choice = await this.#model.choose();
    this.#draw();
  }

  #draw(): void {
    const { state } = this.#session;
    const { isTrusted } = vscode.workspace;
    this.#item.text = statusText(state, this.#choice, isTrusted);
    this.#item.tooltip = new vscode.MarkdownString(statusDetails(state, this.#choice, isTrusted));
    this.#item.accessibilityInformation = { label: `Softprompt: ${this.#item.text.replace(/\$\([^)]*\) /, '')}` };
  }
}
