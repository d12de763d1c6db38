/**
 * `npm start`: opens samples/ in VS Code with the extension loaded. In the desktop where `code` is on the path, else in
 * VS Code's server, whose address it prints; then it runs until Ctrl-C.
 */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { startServer } from '../test/host/server.ts';
import { temporaryFolder } from '../test/host/workspace.ts';
import { packExtension } from './package.mjs';

const root = resolve(import.meta.dirname, '..');
const samples = join(root, 'samples');

/** Whether a desktop VS Code took the request. */
function openDesktop(): boolean {
  // `code` is a script on Windows and needs the shell there.
  const shell = process.platform === 'win32';
  const args = [`--extensionDevelopmentPath=${root}`, samples];
  const { status } = spawnSync('code', shell ? args.map((arg) => `"${arg}"`) : args, { shell, stdio: 'ignore' });
  return status === 0;
}

async function openServer(): Promise<void> {
  const dataDir = temporaryFolder();
  const vsix = join(dataDir, 'softprompt.vsix');
  await packExtension(`${process.platform}-${process.arch}`, vsix);
  const server = await startServer({ dataDir, vsix });
  console.log(`\nVS Code with Softprompt: http://${server.authority}/?folder=${encodeURIComponent(samples)}`);
  console.log('Ctrl-C ends it.');
  process.once('SIGINT', () => server.stop().then(() => process.exit()));
}

if (openDesktop()) console.log('VS Code opens samples/ in a window of its own.');
else await openServer();
