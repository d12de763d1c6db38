import * as vscode from 'vscode';
import type { CombineMethod } from '../../methods/combineRules.ts';
import { combine, saveCombined } from '../../worker/protocol.ts';
import type { AdapterNode } from '../adaptersTree.ts';
import { formatFigure } from '../figures.ts';
import type { Softprompt } from '../softprompt.ts';
import { adapterDescription, adapterLabel } from '../treeLabels.ts';
import type { StoredAdapter } from '../workspaceIndex.ts';
import { abortedBy } from './cancellation.ts';
import { requireModel } from './model.ts';

/** What each way to combine is, for the one who chooses. */
const methodWords: Readonly<Record<CombineMethod, string>> = {
  exact: 'the weighted sum itself',
  cat: 'the weighted sum itself, with the ranks of all',
  svd: 'the nearest to the sum that has the largest of their ranks',
  linear: 'factors summed apart, as PEFT does: not the sum',
  ties: 'the larger elements of the factors that agree in sign',
  dare_linear: 'random elements of the factors, summed apart',
  dare_ties: 'random elements of the factors that agree in sign',
  magnitude_prune: 'the larger elements of the factors, summed apart',
  ties_svd: 'the larger elements of the changes that agree in sign, cut to a rank',
  dare_linear_svd: 'random elements of the changes, cut to a rank',
  dare_ties_svd: 'random elements of the changes that agree in sign, cut to a rank',
  magnitude_prune_svd: 'the larger elements of the changes, cut to a rank',
};

const title = 'Combine Adapters';

/** Combines LORA adapters of the workspace model; says how far the result is from their sum before it is saved. */
export async function combineAdapters(app: Softprompt, target: AdapterNode | undefined): Promise<void> {
  const chosen = await chooseSeveral(app, target);
  const [first] = chosen;
  if (first === undefined) return;
  const model = await requireModel(app);
  if (model === null) return;
  const weights = await askNumbers(
    `Weights of ${chosen.map(({ entry }) => adapterLabel(entry)).join(', ')}; negative ones take an adapter away`,
    chosen.map(() => 1),
  );
  if (weights === null) return;
  const picks = Object.entries(methodWords).map(([label, description]) => ({ label, description }));
  const pick = await vscode.window.showQuickPick(picks, { title, placeHolder: 'How?' });
  if (pick === undefined) return;
  const method = pick.label as CombineMethod;
  const density = /ties|dare|prune/.test(method) ? await askNumbers('Share of the elements to keep', [0.5], 0, 1) : [1];
  if (density === null) return;
  const name = await vscode.window.showInputBox({
    title,
    prompt: 'Name to save it under, as its next version',
    value: `${chosen.map(({ entry }) => entry.name).join('-')}`,
    validateInput: (value) => (/^\w[\w.-]*$/.test(value) ? null : 'Letters, digits, dots, dashes and underscores.'),
  });
  if (name === undefined) return;
  const adapters = chosen.map(({ entry }, i) => ({ label: adapterLabel(entry), dir: entry.dir, weight: weights[i]! }));
  const params = { model, adapters, method, density: density[0]! };
  const { rank, modules, overall, largest } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Combining into ${name}`, cancellable: true },
    (progress, token) =>
      app.session.work('combining adapters', combine, params, abortedBy(token), ({ done, all }) =>
        progress.report({ message: `module ${done} of ${all}`, increment: 100 / all }),
      ),
  );
  const save = 'Save';
  const detail = `Rank ${rank}, ${modules} modules. Error against the exact sum: ${formatFigure(overall)} of its norm, at most ${formatFigure(largest)} in a module.`;
  const answer = await vscode.window.showInformationMessage(`Save ${name}?`, { modal: true, detail }, save);
  if (answer !== save) return;
  await app.session.work('saving', saveCombined, { store: first.store, name }, new AbortController().signal);
  app.index.refresh();
}

async function chooseSeveral(app: Softprompt, target: AdapterNode | undefined): Promise<readonly StoredAdapter[]> {
  const adapters = (await app.index.adapters()).filter(({ entry }) => entry.peftType === 'LORA');
  if (adapters.length < 2) {
    void vscode.window.showInformationMessage(
      'Combining needs two LORA adapters: their changes of the weights add up.',
    );
    return [];
  }
  const picks = adapters.map((adapter) => ({
    label: adapterLabel(adapter.entry),
    description: adapterDescription(adapter.entry),
    picked: adapter.entry.dir === target?.entry.dir,
    adapter,
  }));
  const chosen = await vscode.window.showQuickPick(picks, {
    title,
    canPickMany: true,
    placeHolder: 'Choose two or more',
  });
  return chosen?.map(({ adapter }) => adapter) ?? [];
}

/** As many numbers as there are first values; null when nobody answers. */
async function askNumbers(
  prompt: string,
  first: readonly number[],
  low = Number.NEGATIVE_INFINITY,
  high = Number.POSITIVE_INFINITY,
): Promise<readonly number[] | null> {
  const parse = (text: string): readonly number[] =>
    text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const right = (values: readonly number[]): boolean =>
    values.length === first.length && values.every((x) => Number.isFinite(x) && x >= low && x <= high);
  const text = await vscode.window.showInputBox({
    title,
    prompt,
    value: first.join(', '),
    validateInput: (value) => (right(parse(value)) ? null : `${first.length} number(s), with commas between.`),
  });
  return text === undefined ? null : parse(text);
}
