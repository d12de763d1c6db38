import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { installServer } from './install.ts';

/** Settings that keep the workbench quiet and quick. */
const quietSettings = {
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'workbench.enableExperiments': false,
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.reduceMotion': 'on',
  'window.commandCenter': false,
  'window.autoDetectColorScheme': true,
  'chat.disableAIFeatures': true,
  'git.enabled': false,
};

/** A running VS Code server. */
export interface Server {
  /** `127.0.0.1:PORT`: the authority of pages and of vscode-remote URIs. */
  readonly authority: string;
  /** Everything the server has printed so far. */
  log(): string;
  /** Ends the server and all its children (extension host, file watcher, terminals). */
  stop(): Promise<void>;
}

/** How a server is started. */
export interface ServerOptions {
  /** Folder for user data, installed extensions and logs of this run. */
  readonly dataDir: string;
  /** User settings on top of the quiet ones. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** A packed extension to install first. */
  readonly vsix?: string;
  /** Variables for the server; they reach the extension host. */
  readonly env?: Readonly<Record<string, string>>;
  /** Lets a page's address choose the extension and suite under test; notifications are never shown then. */
  readonly testDriver?: boolean;
  /** Port; a free one if left out. */
  readonly port?: number;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const address = probe.address();
  await new Promise((done) => probe.close(done));
  if (address === null || typeof address === 'string') throw new Error('No free port.');
  return address.port;
}

/** Starts VS Code's server (installing it when needed) and waits until it listens. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const main = join(installServer(), 'out/server-main.js');
  const userData = join(options.dataDir, 'user-data');
  const folders = ['--accept-server-license-terms', '--user-data-dir', userData];
  folders.push('--extensions-dir', join(options.dataDir, 'extensions'));
  folders.push('--server-data-dir', join(options.dataDir, 'server-data'));
  mkdirSync(join(userData, 'User'), { recursive: true });
  const settings = { ...quietSettings, ...options.settings };
  writeFileSync(join(userData, 'User/settings.json'), JSON.stringify(settings, null, 2));
  const env = { ...process.env, EXTENSIONS_GALLERY: '{}', ...options.env };

  if (options.vsix !== undefined) {
    const install = [main, ...folders, '--force', '--install-extension', options.vsix];
    const { status, stdout, stderr } = spawnSync(process.execPath, install, { encoding: 'utf8', env });
    if (status !== 0) throw new Error(`VS Code did not install ${options.vsix}.\n${stdout}${stderr}`);
  }

  const port = options.port ?? (await freePort());
  const args = [main, ...folders, '--host', '127.0.0.1', '--port', String(port), '--without-connection-token'];
  args.push('--telemetry-level', 'off', '--disable-workspace-trust');
  if (options.testDriver === true) args.push('--enable-smoke-test-driver');
  // A group of its own, so that its children can be ended with it.
  const child = spawn(process.execPath, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const endGroup = () => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) process.kill(-child.pid);
  };
  process.once('exit', endGroup).once('SIGTERM', () => process.exit(143));
  let output = '';
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  await new Promise<void>((ready, fail) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes(`Extension host agent listening on ${port}`)) ready();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    ended.then(() => fail(new Error(`VS Code's server ended.\n${output}`)));
  });

  const stop = async () => {
    process.off('exit', endGroup);
    endGroup();
    await ended;
  };
  return { authority: `127.0.0.1:${port}`, log: () => output, stop };
}
