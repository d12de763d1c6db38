// npm run package [-- --target linux-x64]
// Packs the extension for one platform into a VSIX that holds only that platform's onnxruntime.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createVSIX } from '@vscode/vsce';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const onnxruntime = join('node_modules', 'onnxruntime-node');
const binaries = join(onnxruntime, 'bin', 'napi-v6');

/** What is packed besides package.json and the runtime, as far as it is there. */
const content = [
  'dist',
  'media',
  'syntaxes',
  'schemas',
  'samples',
  'docs/images',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
];

/** Keys of package.json that only a checkout needs. */
const ownKeys = ['private', 'type', 'scripts', 'dependencies', 'devDependencies', 'bin'];

/** macOS: a copy of libonnxruntime.1.dylib, which is the one the binding asks for. */
const duplicate = /libonnxruntime\.\d+\.\d+\.\d+\.dylib$/;

/**
 * Platforms that onnxruntime-node has a binary for, in VS Code's words: linux-x64, win32-arm64, ...
 * @returns {string[]}
 */
function platforms() {
  return readdirSync(join(root, binaries)).flatMap((os) =>
    readdirSync(join(root, binaries, os)).map((cpu) => `${os}-${cpu}`),
  );
}

/**
 * Lays out in a folder what the VSIX of a platform holds.
 * @param {string} stage
 * @param {string} target
 */
function stageFiles(stage, target) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const key of ownKeys) delete manifest[key];
  writeFileSync(join(stage, 'package.json'), JSON.stringify(manifest, null, 2));
  for (const path of content) {
    if (!existsSync(join(root, path))) continue;
    const isOwn = (/** @type {string} */ file) => !file.endsWith('.map') && !file.endsWith('.softprompt');
    cpSync(join(root, path), join(stage, path), { recursive: true, filter: isOwn });
  }

  // Beside the bundles that require it: vsce leaves out the node_modules of the top.
  const modules = join(stage, 'dist', 'node_modules');
  const needed = [
    ...['package.json', 'dist'].map((part) => join('onnxruntime-node', part)),
    join('onnxruntime-node', 'bin', 'napi-v6', ...target.split('-')),
    ...['package.json', join('dist', 'cjs')].map((part) => join('onnxruntime-common', part)),
  ];
  for (const path of needed) {
    const isNeeded = (/** @type {string} */ file) => !/\.(map|d\.ts)$/.test(file) && !duplicate.test(file);
    cpSync(join(root, 'node_modules', path), join(modules, path), { recursive: true, filter: isNeeded });
  }
}

/**
 * Packs what lies in dist/ now.
 * @param {string} target platform in VS Code's words
 * @param {string} file the VSIX to write
 */
export async function packExtension(target, file) {
  if (!platforms().includes(target)) {
    throw new Error(`${target}: onnxruntime-node has no binary for it. There are ${platforms().join(', ')}.`);
  }
  const stage = mkdtempSync(join(tmpdir(), 'softprompt-package-'));
  try {
    stageFiles(stage, target);
    mkdirSync(dirname(file), { recursive: true });
    await createVSIX({ cwd: stage, target, packagePath: file, dependencies: false, allowMissingRepository: true });
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

async function main() {
  const at = process.argv.indexOf('--target');
  const target = (at < 0 ? undefined : process.argv[at + 1]) ?? `${process.platform}-${process.arch}`;
  const build = spawnSync(process.execPath, [join(root, 'scripts/build.mjs'), '--minify'], { stdio: 'inherit' });
  if (build.status !== 0) throw new Error('The build failed.');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const file = join(root, `softprompt-${target}-${version}.vsix`);
  await packExtension(target, file);
  console.log(`${file}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
