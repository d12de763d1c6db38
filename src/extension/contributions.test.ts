import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { commands, contextKeys, runsPanelType, settings, treeItems, viewContainer, views } from './contributions.ts';

interface Manifest {
  readonly activationEvents: readonly string[];
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly category: string; readonly enablement?: string }[];
    readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
    readonly viewsContainers: { readonly activitybar: readonly { readonly id: string; readonly icon: string }[] };
    readonly viewsWelcome: readonly { readonly view: string; readonly when: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string; readonly when: string }[]>>;
    readonly keybindings: readonly { readonly command: string; readonly when: string }[];
    readonly configuration: { readonly properties: Readonly<Record<string, { readonly default: unknown }>> };
    readonly grammars: readonly { readonly path: string }[];
    readonly yamlValidation: readonly { readonly url: string }[];
  };
}

const root = resolve(import.meta.dirname, '../..');
const manifestText = readFileSync(resolve(root, 'package.json'), 'utf8');
const manifest = JSON.parse(manifestText) as Manifest;
const { contributes } = manifest;
const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

test('package.json and the code name the same commands, all in one category', () => {
  assert.deepEqual(sorted(contributes.commands.map(({ command }) => command)), sorted(Object.values(commands)));
  assert.deepEqual(sorted(contributes.commands.map(({ category }) => category)), ['Softprompt']);
});

test('package.json and the code name the same views and settings', () => {
  const listed = contributes.views[viewContainer]?.map(({ id }) => id) ?? [];
  assert.deepEqual(sorted(listed), sorted(Object.values(views)));
  assert.deepEqual(sorted(contributes.viewsContainers.activitybar.map(({ id }) => id)), [viewContainer]);
  assert.deepEqual(sorted(Object.keys(contributes.configuration.properties)), sorted(Object.values(settings)));
  for (const [name, { default: value }] of Object.entries(contributes.configuration.properties)) {
    assert.notEqual(value, undefined, `${name} has no default`);
  }
  assert.deepEqual(
    sorted(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations),
    sorted(Object.values(settings)),
  );
});

test('menus, keybindings and welcome texts are about commands and views that exist', () => {
  const known = new Set<string>(Object.values(commands));
  const used = [...Object.values(contributes.menus).flat(), ...contributes.keybindings].map(({ command }) => command);
  assert.deepEqual(
    used.filter((command) => !known.has(command)),
    [],
  );
  const linked = [...manifestText.matchAll(/command:(softprompt\.\w+)/g)].map((match) => match[1] as string);
  assert.deepEqual(
    linked.filter((command) => !known.has(command)),
    [],
  );
  const welcomed = sorted(contributes.viewsWelcome.map(({ view }) => view));
  assert.deepEqual(welcomed, sorted(Object.values(views)));
});

test('when clauses read every context key and tree item that the code sets, and no other', () => {
  const clauses = [
    ...Object.values(contributes.menus).flat(),
    ...contributes.keybindings,
    ...contributes.viewsWelcome,
    ...contributes.commands.map(({ enablement }) => ({ when: enablement ?? '' })),
  ].map(({ when }) => when);
  const read = clauses.flatMap((when) => [...when.matchAll(/(?<!== )\bsoftprompt\.\w+/g)].map((match) => match[0]));
  assert.deepEqual(sorted(read), sorted(Object.values(contextKeys)));
  const items = clauses.flatMap((when) =>
    [...when.matchAll(/viewItem (?:== (\w+)|=~ \/\^\(([\w|]+)\)\$\/)/g)].flatMap(([, one, many]) =>
      one === undefined ? (many as string).split('|') : [one],
    ),
  );
  const silent: readonly string[] = [treeItems.missingExperiment];
  assert.deepEqual(sorted([...items, ...silent]), sorted(Object.values(treeItems)));
});

test('what runs or writes needs a trusted workspace', () => {
  const free = contributes.commands.filter(({ enablement }) => !enablement?.includes('isWorkspaceTrusted'));
  assert.deepEqual(
    sorted(free.map(({ command }) => command)),
    sorted([commands.dismissAnswer, commands.openRuns, commands.revealAdapter, commands.showActions, commands.showLog]),
  );
});

test('the panel can be restored, and the files that package.json names exist', () => {
  assert.ok(manifest.activationEvents.includes(`onWebviewPanel:${runsPanelType}`));
  const files = [
    ...contributes.viewsContainers.activitybar.map(({ icon }) => icon),
    ...contributes.grammars.map(({ path }) => path),
    ...contributes.yamlValidation.map(({ url }) => url),
  ];
  assert.deepEqual(
    files.filter((file) => !existsSync(resolve(root, file))),
    [],
  );
});
