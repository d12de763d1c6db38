import { access, open } from 'node:fs/promises';
import { dirname, extname, join, relative, sep } from 'node:path';
import * as vscode from 'vscode';
import { experimentSuffix } from '../../experiments/experimentFile.ts';
import { writeFileAtomic } from '../../foundation/files.ts';
import { columnsOf, experimentText, type Rows, rowsOf } from '../experimentTemplate.ts';
import type { Softprompt } from '../softprompt.ts';
import { requireModel } from './model.ts';

/** Enough for a header or a row, bytes. */
const headBytes = 65536;

/** Asks for a name and a data file, and writes an experiment that can be trained as it is. */
export async function newExperiment(app: Softprompt): Promise<void> {
  const folder = await chooseFolder();
  if (folder === null) return;
  const name = await vscode.window.showInputBox({
    title: 'New Experiment (1 of 2)',
    prompt: 'Name of the experiment, and of the adapters it makes',
    placeHolder: 'commit-kind',
    validateInput: (value) => checkName(folder, value),
  });
  if (name === undefined) return;
  const data = await chooseData();
  if (data === null) return;
  const model = await requireModel(app);
  if (model === null) return;
  const file = fileOf(folder, name);
  const near = (path: string): string => relative(dirname(file), path).split(sep).join('/');
  const columns = columnsOf(await firstLine(data.train), extname(data.train));
  const nearby = (path: string | null): string | null => (path === null ? null : near(path));
  const text = experimentText({
    model: near(model),
    data: { train: near(data.train), validation: nearby(data.validation), test: nearby(data.test) },
    columns: columns.length === 0 ? ['text', 'label'] : columns,
  });
  await writeFileAtomic(file, text);
  await vscode.window.showTextDocument(vscode.Uri.file(file), { preview: false });
}

async function chooseFolder(): Promise<string | null> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0) {
    void vscode.window.showInformationMessage('Open a folder first: an experiment lives next to its model and data.');
    return null;
  }
  const folder = folders.length === 1 ? folders[0] : await vscode.window.showWorkspaceFolderPick();
  return folder?.uri.fsPath ?? null;
}

async function checkName(folder: string, value: string): Promise<string | null> {
  if (!/^[\w.-]+$/.test(value.trim())) return 'Letters, digits, dots, dashes and underscores.';
  const taken = await access(fileOf(folder, value)).then(
    () => true,
    () => false,
  );
  return taken ? 'There is an experiment of this name.' : null;
}

function fileOf(folder: string, name: string): string {
  return join(folder, `${name.trim()}${experimentSuffix}`);
}

/** Rows to train on; files that are called so come first. */
async function chooseData(): Promise<Rows | null> {
  const files = await vscode.workspace.findFiles(
    '**/*.{jsonl,csv,tsv,parquet}',
    '**/{node_modules,.softprompt}/**',
    200,
  );
  const picks = files
    .map((uri) => ({ label: vscode.workspace.asRelativePath(uri), file: uri.fsPath }))
    .sort((a, b) => Number(isTraining(b.label)) - Number(isTraining(a.label)) || (a.label < b.label ? -1 : 1));
  if (picks.length === 0) {
    void vscode.window.showInformationMessage(
      'No rows to train on in this workspace: add a .jsonl, .csv, .tsv or .parquet file.',
    );
    return null;
  }
  const pick = await vscode.window.showQuickPick(picks, {
    title: 'New Experiment (2 of 2)',
    placeHolder: 'Choose the rows to train on',
  });
  if (pick === undefined) return null;
  return rowsOf(
    pick.file,
    picks.map(({ file }) => file),
  );
}

function isTraining(file: string): boolean {
  return /train[^/]*$/i.test(file);
}

async function firstLine(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.toString('utf8', 0, bytesRead).split(/\r?\n/, 1)[0] ?? '';
  } finally {
    await handle.close();
  }
}
