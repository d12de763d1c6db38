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
const binaries = join(root, 'node_modules/onnxruntime-node/bin/napi-v6');

/** What is packed besides package.json and the runtime, as far as it is there. */
const folders = ['dist', 'media', 'syntaxes', 'schemas', 'samples'];
const content = [...folders, 'README.md', 'CHANGELOG.md', 'LICENSE', '.vscodeignore'];

/** Keys of package.json that only a checkout needs. */
const ownKeys = ['private', 'type', 'scripts', 'dependencies', 'devDependencies', 'bin'];

/** macOS: a copy of libonnxruntime.1.dylib, which is the one the binding asks for. */
const duplicate = /libonnxruntime\.\d+\.\d+\.\d+\.dylib$/;

/**
 * Platforms that onnxruntime-node has a binary for, in VS Code's words: linux-x64, win32-arm64, ...
 * @returns {string[]}
 */
function platforms() {
  return readdirSync(binaries).flatMap((os) => readdirSync(join(binaries, os)).map((cpu) => `${os}-${cpu}`));
}

/**
 * Lays out in a folder what the VSIX of a platform holds, less what .vscodeignore leaves out.
 * @param {string} stage
 * @param {string} target platform in VS Code's words
 */
export function stageExtension(stage, target) {
  if (!platforms().includes(target)) {
    throw new Error(`${target}: onnxruntime-node has no binary for it. There are ${platforms().join(', ')}.`);
  }
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const key of ownKeys) delete manifest[key];
  writeFileSync(join(stage, 'package.json'), JSON.stringify(manifest, null, 2));
  for (const path of content.filter((path) => existsSync(join(root, path)))) {
    cpSync(join(root, path), join(stage, path), { recursive: true });
  }

  // Beside the bundles that require it: vsce leaves out the node_modules of the top.
  const needed = [
    'onnxruntime-node/package.json',
    'onnxruntime-node/dist',
    `onnxruntime-node/bin/napi-v6/${target.replace('-', '/')}`,
    'onnxruntime-common/package.json',
    'onnxruntime-common/dist/cjs',
  ];
  for (const path of needed) {
    const to = join(stage, 'dist/node_modules', path);
    cpSync(join(root, 'node_modules', path), to, { recursive: true, filter: (file) => !duplicate.test(file) });
  }
}

/**
 * Packs what lies in dist/ now.
 * @param {string} target platform in VS Code's words
 * @param {string} file the VSIX to write
 */
export async function packExtension(target, file) {
  const stage = mkdtempSync(join(tmpdir(), 'softprompt-package-'));
  try {
    stageExtension(stage, target);
    mkdirSync(dirname(file), { recursive: true });
    // There is no public repository to point the README's links to.
    const noRepository = { allowMissingRepository: true, rewriteRelativeLinks: false };
    await createVSIX({ cwd: stage, target, packagePath: file, dependencies: false, ...noRepository });
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
