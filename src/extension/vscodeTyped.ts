import * as vscode from 'vscode';
import type { CommandId, CommandTargets, ContextKey, SettingTypes } from './contributions.ts';

/** VS Code's stringly functions with the names and types of contributions.ts. */

/** Registers what runs for a command. */
export function registerCommand<C extends CommandId>(
  command: C,
  run: (target: CommandTargets[C] | undefined) => unknown,
): vscode.Disposable {
  return vscode.commands.registerCommand(command, run);
}

/** Runs one of our commands. */
export function executeCommand<C extends CommandId>(command: C, target?: CommandTargets[C]): Thenable<unknown> {
  return vscode.commands.executeCommand(command, target);
}

/** What the context keys were last set to: setting one is a message to another process. */
const contexts = new Map<ContextKey, boolean>();

/** Sets a context key that `when` clauses read; all of ours are booleans. */
export function setContext(key: ContextKey, value: boolean): void {
  if (contexts.get(key) === value) return;
  contexts.set(key, value);
  void vscode.commands.executeCommand('setContext', key, value);
}

/** Reads a setting; package.json gives every one a default. */
export function readSetting<S extends keyof SettingTypes>(name: S): SettingTypes[S] {
  return vscode.workspace.getConfiguration().get(name) as SettingTypes[S];
}

/** A link that runs one of our commands, for trusted Markdown. */
export function commandLink<C extends CommandId>(text: string, command: C, target?: CommandTargets[C]): string {
  const query = target === undefined ? '' : `?${encodeURIComponent(JSON.stringify([target]))}`;
  return `[${text}](command:${command}${query})`;
}
