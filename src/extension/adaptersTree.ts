import * as vscode from 'vscode';
import { escapeMarkdown } from './answerText.ts';
import { treeItems } from './contributions.ts';
import { adapterDescription, adapterFacts, adapterLabel, badgeWords, checkBadge } from './treeLabels.ts';
import type { WorkerSession } from './workerSession.ts';
import { placeOf, type StoredAdapter, type WorkspaceIndex } from './workspaceIndex.ts';

/** A row of the Adapters view. */
export interface AdapterNode extends StoredAdapter {
  readonly kind: 'adapter';
}

/** The Adapters view: every adapter of the workspace, a check on the one that answers, a shield on those that were checked. */
export class AdaptersTree implements vscode.TreeDataProvider<AdapterNode>, vscode.Disposable {
  readonly #index: WorkspaceIndex;
  readonly #session: WorkerSession;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: readonly { dispose(): void }[];
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(index: WorkspaceIndex, session: WorkerSession) {
    this.#index = index;
    this.#session = session;
    let active = session.state.adapter;
    this.#subscriptions = [
      this.#changed,
      index.onDidChange(() => this.#changed.fire()),
      session.onDidChange(({ adapter }) => {
        if (adapter === active) return;
        active = adapter;
        this.#changed.fire();
      }),
    ];
  }

  async getChildren(parent?: AdapterNode): Promise<AdapterNode[]> {
    if (parent !== undefined) return [];
    return (await this.#index.adapters()).map((adapter) => ({ ...adapter, kind: 'adapter' }));
  }

  getTreeItem({ entry, store }: AdapterNode): vscode.TreeItem {
    const active = entry.dir === this.#session.state.adapter;
    const item = new vscode.TreeItem(adapterLabel(entry));
    item.id = entry.dir;
    const place = placeOf(vscode.Uri.joinPath(vscode.Uri.file(store), '..'));
    item.description = [place, adapterDescription(entry)].filter((part) => part !== '').join(' · ');
    const { readOnly } = entry;
    item.contextValue = readOnly !== null ? treeItems.readOnlyAdapter : treeItems[active ? 'activeAdapter' : 'adapter'];
    const badge = checkBadge(entry.card);
    const plain = readOnly === null ? 'circle-large-outline' : 'lock';
    const icon = active ? 'check' : badge === 'none' ? plain : 'shield';
    const color = badge === 'failed' ? 'charts.red' : icon === plain ? null : 'charts.green';
    item.iconPath = new vscode.ThemeIcon(icon, color === null ? undefined : new vscode.ThemeColor(color));
    const spoken = [adapterLabel(entry), item.description, active ? 'active' : null, badgeWords(entry.card)];
    item.accessibilityInformation = { label: spoken.filter((part) => part !== null).join(', ') };
    item.tooltip = tooltip(entry, active);
    return item;
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

function tooltip(entry: StoredAdapter['entry'], active: boolean): vscode.MarkdownString {
  const rows = adapterFacts(entry).map(([name, value]) => `| ${name} | ${escapeMarkdown(value)} |`);
  const title = `**${escapeMarkdown(adapterLabel(entry))}**${active ? ' — answers now' : ''}`;
  return new vscode.MarkdownString(
    `${title}\n\n${escapeMarkdown(entry.readOnly ?? adapterDescription(entry))}\n\n| | |\n|-|-|\n${rows.join('\n')}\n\n${escapeMarkdown(entry.dir)}`,
  );
}
