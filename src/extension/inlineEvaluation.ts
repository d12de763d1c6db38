import * as vscode from 'vscode';
import type { AnswerReport } from '../worker/protocol.ts';
import { answerDetails, answerLine } from './answerText.ts';
import { commands, contextKeys } from './contributions.ts';
import { commandLink, setContext } from './vscodeTyped.ts';

/** Asks for the answers to a text. */
export type Ask = (text: string, signal: AbortSignal) => Promise<AnswerReport>;

/**
 * Shows, after a piece of text in an editor, what the active adapter and the base model make of it. There is one answer
 * at a time; it goes away when its text changes, when it is dismissed and when another is asked for.
 */
export class InlineEvaluation implements vscode.Disposable {
  readonly #answered = vscode.window.createTextEditorDecorationType({
    after: { color: new vscode.ThemeColor('editorCodeLens.foreground'), margin: '0 0 0 1.5em' },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  readonly #subscriptions: readonly vscode.Disposable[];
  #shown: { readonly document: vscode.TextDocument; readonly controller: AbortController } | null = null;

  constructor() {
    this.#subscriptions = [
      this.#answered,
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (document === this.#shown?.document && contentChanges.length > 0) this.dismiss();
      }),
      vscode.workspace.onDidCloseTextDocument((document) => {
        if (document === this.#shown?.document) this.dismiss();
      }),
    ];
  }

  /**
   * Evaluates a range; returns when the answer is shown, or when it is no longer wanted. `pending` stands there meanwhile.
   */
  async show(editor: vscode.TextEditor, range: vscode.Range, pending: string, ask: Ask): Promise<void> {
    this.dismiss();
    const controller = new AbortController();
    const shown = { document: editor.document, controller };
    this.#shown = shown;
    setContext(contextKeys.answerShown, true);
    this.#decorate(range, `⋯ ${pending}`, new vscode.MarkdownString('The worker is asked for an answer.'));
    try {
      const report = await ask(editor.document.getText(range), controller.signal);
      if (this.#shown === shown) this.#decorate(range, answerLine(report), hover(report));
    } catch (error) {
      if (this.#shown !== shown) return;
      this.dismiss();
      throw error;
    }
  }

  /** Takes the answer away, and its request back if it is still pending. */
  dismiss(): void {
    const shown = this.#shown;
    if (shown === null) return;
    this.#shown = null;
    shown.controller.abort();
    setContext(contextKeys.answerShown, false);
    for (const editor of vscode.window.visibleTextEditors) editor.setDecorations(this.#answered, []);
  }

  dispose(): void {
    this.dismiss();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #decorate(range: vscode.Range, contentText: string, hoverMessage: vscode.MarkdownString): void {
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document !== this.#shown?.document) continue;
      editor.setDecorations(this.#answered, [{ range, hoverMessage, renderOptions: { after: { contentText } } }]);
    }
  }
}

function hover(report: AnswerReport): vscode.MarkdownString {
  const links = [commandLink('Swap adapter', commands.swapAdapter)];
  if (report.adapter !== null) links.push(commandLink('Use base model', commands.useBaseModel));
  const text = new vscode.MarkdownString(answerDetails(report, links));
  text.isTrusted = { enabledCommands: [commands.swapAdapter, commands.useBaseModel] };
  return text;
}
