import { existsSync, readdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, parse, relative, resolve, sep } from 'node:path';

/** Name of the folder that holds adapters, runs and the audit log of a workspace. */
export const storeName = '.softprompt';

/**
 * The `.softprompt` folder of an experiment (absolute; it need not exist yet): the one of the nearest folder above the
 * file that has one; else in the workspace, when the file lies in it; else beside the file. Folders that many projects
 * share (home, temporary, root) never count, unless the file itself lies there.
 */
export function findStore(experimentFile: string, workspace: string): string {
  const own = dirname(resolve(experimentFile));
  for (let folder = own; ; folder = dirname(folder)) {
    if ((folder === own || !isShared(folder)) && existsSync(join(folder, storeName))) return join(folder, storeName);
    if (folder === dirname(folder)) break;
  }
  const root = resolve(workspace);
  return join(contains(root, own) && !isShared(root) ? root : own, storeName);
}

/** Subfolders of a folder, sorted; none when it does not exist. */
export function subfolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

function isShared(folder: string): boolean {
  return folder === parse(folder).root || folder === resolve(homedir()) || folder === resolve(tmpdir());
}

function contains(outer: string, inner: string): boolean {
  const path = relative(outer, inner);
  return path === '' || (path !== '..' && !path.startsWith(`..${sep}`) && !parse(path).root);
}
