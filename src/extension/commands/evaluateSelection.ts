import * as vscode from 'vscode';
import type { Softprompt } from '../softprompt.ts';
import { requireModel } from './model.ts';

/** Evaluates the selected text, else the line, and shows the answers after it. */
export async function evaluateSelection(app: Softprompt): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    void vscode.window.showInformationMessage('Open a file and select the text to evaluate.');
    return;
  }
  const range = rangeToEvaluate(editor);
  if (range === null) {
    void vscode.window.showInformationMessage(
      'Nothing to evaluate: select text, or put the cursor on a line with text.',
    );
    return;
  }
  const model = await requireModel(app);
  if (model === null) return;
  const { activity } = app.session.state;
  const pending = activity === null ? 'evaluating' : `evaluating; the worker is still ${activity}`;
  const ask = (text: string, signal: AbortSignal) => app.session.answer(text, app.model.place(model), signal);
  await app.inline.show(editor, range, pending, ask);
}

function rangeToEvaluate({ document, selection }: vscode.TextEditor): vscode.Range | null {
  const line = document.lineAt(selection.active.line);
  const range = selection.isEmpty
    ? new vscode.Range(
        line.lineNumber,
        line.firstNonWhitespaceCharacterIndex,
        line.lineNumber,
        line.text.trimEnd().length,
      )
    : new vscode.Range(selection.start, selection.end);
  return document.getText(range).trim() === '' ? null : range;
}
