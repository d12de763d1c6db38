import * as vscode from 'vscode';
import { experimentSuffix, parseExperiment } from '../experiments/experimentFile.ts';
import { Debounced } from './debounce.ts';

/** Long enough not to complain about a word that is being typed, milliseconds. */
const typingMilliseconds = 300;

/** Marks what is wrong in every open *.tune.yaml, as it is typed. */
export class ExperimentDiagnostics implements vscode.Disposable {
  readonly #collection = vscode.languages.createDiagnosticCollection('softprompt');
  readonly #waiting = new Map<vscode.TextDocument, Debounced>();
  readonly #subscriptions: readonly vscode.Disposable[];

  constructor() {
    this.#subscriptions = [
      this.#collection,
      vscode.workspace.onDidOpenTextDocument((document) => this.#check(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.#checkSoon(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.#forget(document)),
    ];
    for (const document of vscode.workspace.textDocuments) this.#check(document);
  }

  dispose(): void {
    for (const waiting of this.#waiting.values()) waiting.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  #checkSoon(document: vscode.TextDocument): void {
    if (!isExperiment(document)) return;
    let waiting = this.#waiting.get(document);
    if (waiting === undefined) {
      waiting = new Debounced(() => this.#check(document), typingMilliseconds);
      this.#waiting.set(document, waiting);
    }
    waiting.trigger();
  }

  #check(document: vscode.TextDocument): void {
    if (!isExperiment(document)) return;
    const { problems } = parseExperiment(document.getText(), document.uri.fsPath);
    this.#collection.set(
      document.uri,
      problems.map(({ message, line, column, key }) => {
        const text = key === '' ? message : `${key}: ${message}`;
        const diagnostic = new vscode.Diagnostic(rangeAt(document, line - 1, column - 1), text);
        diagnostic.source = 'Softprompt';
        return diagnostic;
      }),
    );
  }

  #forget(document: vscode.TextDocument): void {
    this.#waiting.get(document)?.dispose();
    this.#waiting.delete(document);
    this.#collection.delete(document.uri);
  }
}

function isExperiment(document: vscode.TextDocument): boolean {
  return document.uri.scheme === 'file' && document.uri.path.endsWith(experimentSuffix);
}

/** From a place to the end of its line, comments and blanks aside. */
function rangeAt(document: vscode.TextDocument, line: number, column: number): vscode.Range {
  const { text } = document.lineAt(Math.min(line, document.lineCount - 1));
  const end = text.replace(/\s+(#.*)?$/, '').length;
  return new vscode.Range(line, column, line, Math.max(end, column + 1));
}
