import * as vscode from 'vscode';

/** Texts that are shown in an editor and lie in no file; nobody can change them. */
export class ReadOnlyTexts implements vscode.TextDocumentContentProvider, vscode.Disposable {
  static readonly #scheme = 'softprompt';
  readonly #texts = new Map<string, string>();
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly #registration = vscode.workspace.registerTextDocumentContentProvider(ReadOnlyTexts.#scheme, this);
  readonly onDidChange = this.#changed.event;

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.#texts.get(uri.toString()) ?? '';
  }

  /**
   * Opens a text under a title; one that is open under it shows the new text.
   * @param edition tells texts of one title apart, for a reader that goes by a document's version as the preview of Markdown does
   */
  async open(title: string, text: string, edition = ''): Promise<vscode.TextDocument> {
    const uri = vscode.Uri.from({ scheme: ReadOnlyTexts.#scheme, path: title, query: edition });
    this.#texts.set(uri.toString(), text);
    this.#changed.fire(uri);
    return vscode.workspace.openTextDocument(uri);
  }

  dispose(): void {
    this.#registration.dispose();
    this.#changed.dispose();
  }
}
