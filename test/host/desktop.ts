import { globSync } from 'node:fs';
import { join, resolve } from 'node:path';

const unpacked = join(resolve(import.meta.dirname, '../..'), '.vscode-test');

/** Where a copy of VS Code that @vscode/test-electron has unpacked keeps its executable. */
const executables = [
  'vscode-linux-*/code',
  'vscode-darwin-*/*.app/Contents/MacOS/{Code,Electron}',
  'vscode-win32-*/Code.exe',
];

/** The desktop VS Code to test in: the one the variable VSCODE_EXECUTABLE names, else one unpacked in .vscode-test/. */
export function findDesktop(): string | undefined {
  return (
    process.env.VSCODE_EXECUTABLE ?? globSync(executables, { cwd: unpacked }).map((file) => join(unpacked, file))[0]
  );
}
