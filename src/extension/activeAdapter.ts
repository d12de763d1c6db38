import type * as vscode from 'vscode';
import { contextKeys } from './contributions.ts';
import type { Disposable } from './events.ts';
import { setContext } from './vscodeTyped.ts';
import type { WorkerSession } from './workerSession.ts';
import type { WorkspaceIndex } from './workspaceIndex.ts';

const key = 'activeAdapter';

/** Folder of the adapter that was active when the workspace was last open, or null. */
export function rememberedAdapter(memento: vscode.Memento): string | null {
  return memento.get<string | null>(key) ?? null;
}

/** Remembers the active adapter for the workspace, and forgets one whose files are gone. */
export function keepActiveAdapter(
  memento: vscode.Memento,
  session: WorkerSession,
  index: WorkspaceIndex,
): Disposable[] {
  let kept = session.state.adapter;
  setContext(contextKeys.adapterActive, kept !== null);
  const check = async (): Promise<void> => {
    const { adapter } = session.state;
    if (adapter === null) return;
    const adapters = await index.adapters();
    if (!adapters.some(({ entry }) => entry.dir === adapter) && session.state.adapter === adapter) {
      session.forgetAdapter();
    }
  };
  void check();
  return [
    index.onDidChange(() => void check()),
    session.onDidChange(({ adapter }) => {
      if (adapter === kept) return;
      kept = adapter;
      setContext(contextKeys.adapterActive, adapter !== null);
      void memento.update(key, adapter);
    }),
  ];
}
