import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, globSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * VS Code's own server and web workbench, from npm's package code-server (VS Code 1.139.1). Only its inner package
 * lib/vscode is used, and none of its native modules that would have to be compiled.
 */
const version = '4.139.1';

const root = resolve(import.meta.dirname, '../..');
const home = join(root, '.cache', `vscode-host-${version}`);
const standins = join(import.meta.dirname, 'standins');

/** What the workbench does not need here; it is most of the size. */
const surplus = [
  'node_modules/@github/copilot-sdk*',
  'node_modules/@microsoft/mxc-sdk',
  'node_modules/@devcontainers',
  'node_modules/@vscode/windows-*',
  'node_modules/@vscode/sqlite3',
  'node_modules/node-pty/{deps,third_party}',
  'node_modules/**/*.map',
  'extensions/{copilot,mermaid-markdown-features,microsoft-authentication}',
];
const perPlatform = ['node_modules/node-pty/prebuilds/*', 'node_modules/@vscode/ripgrep-universal/bin/*'];

function run(command: string, args: string[], cwd: string): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(`${command} ${args.join(' ')} failed.\n${error?.message ?? `${stdout}${stderr}`}`);
}

/**
 * Installs VS Code's server below .cache/ when it is not there.
 * @returns the folder of the server, with out/server-main.js
 */
export function installServer(): string {
  const server = join(home, 'lib/vscode');
  if (existsSync(server)) return server;
  console.log(`Installing the VS Code host (code-server ${version})`);
  const partial = `${home}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  run('npm', ['pack', '--silent', `code-server@${version}`], partial);
  run('tar', ['-xzf', `code-server-${version}.tgz`, '--strip-components=1'], partial);
  rmSync(join(partial, `code-server-${version}.tgz`));

  const inner = join(partial, 'lib/vscode');
  // Not `npm ci`: the package's shrinkwrap is out of step with its package.json.
  run('npm', ['install', '--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund'], inner);
  copyFileSync(join(standins, 'spdlog.cjs'), join(inner, 'node_modules/@vscode/spdlog/index.js'));
  copyFileSync(join(standins, 'nativeWatchdog.cjs'), join(inner, 'node_modules/@vscode/native-watchdog/index.js'));
  const others = globSync(perPlatform, { cwd: inner }).filter(
    (path) => !path.endsWith(`${process.platform}-${process.arch}`),
  );
  for (const path of [...others, ...globSync(surplus, { cwd: inner })]) {
    rmSync(join(inner, path), { recursive: true, force: true });
  }
  renameSync(partial, home);
  return server;
}
