// node scripts/build.mjs [--minify]
// Bundles what is shipped into dist/. Any warning of the bundler is a failure.
import { rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** onnxruntime-node is native and stays a package, with the part that its tensors come from. */
const native = ['onnxruntime-node', 'onnxruntime-common'];

/** @type {import('esbuild').BuildOptions} */
const node = {
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  outExtension: { '.js': '.cjs' },
  // CommonJS has no import.meta; the sources use its url to find the scripts beside their own.
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
};

/** @type {import('esbuild').BuildOptions[]} */
const bundles = [
  {
    ...node,
    entryPoints: { extension: 'src/extension/extension.ts' },
    external: ['vscode', ...native],
    // zod looks for a browser's global of this name; VS Code reports whoever touches it as an error.
    define: { navigator: 'undefined' },
  },
  {
    ...node,
    entryPoints: { worker: 'src/worker/main.ts', cli: 'src/cli/main.ts', probe: 'src/runtime/probeMain.ts' },
    external: native,
  },
  {
    platform: 'browser',
    format: 'iife',
    target: 'chrome132',
    entryPoints: { 'webview/runs': 'src/webview/runs.ts' },
  },
];

rmSync(resolve(root, 'dist'), { recursive: true, force: true });
let warnings = 0;
for (const bundle of bundles) {
  const result = await build({
    ...bundle,
    absWorkingDir: root,
    outdir: 'dist',
    bundle: true,
    sourcemap: !process.argv.includes('--minify'),
    minify: process.argv.includes('--minify'),
    logLevel: 'warning',
  });
  warnings += result.warnings.length;
}
if (warnings > 0) process.exitCode = 1;
