import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';

/** TensorFlow.js with its CPU backend and all gradients. */
export type Tfjs = typeof import('@tensorflow/tfjs-core');

/**
 * Loads TensorFlow.js, the independent reference for values and gradients. The package's build for Node leaves the gradients
 * out and its other build is no module Node can load, so it is bundled first.
 */
export async function loadTfjs(): Promise<Tfjs> {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-'));
  try {
    const outfile = join(folder, 'tfjs.mjs');
    await esbuild.build({
      stdin: {
        contents: `
          import '@tensorflow/tfjs-core/dist/register_all_gradients';
          import '@tensorflow/tfjs-backend-cpu';
          export * from '@tensorflow/tfjs-core';`,
        resolveDir: resolve(import.meta.dirname, '../..'),
      },
      bundle: true,
      format: 'esm',
      mainFields: ['module', 'main'],
      platform: 'node',
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire('file:///');" },
      outfile,
      logLevel: 'error',
    });
    const tf: Tfjs = await import(pathToFileURL(outfile).href);
    tf.enableProdMode();
    await tf.setBackend('cpu');
    return tf;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
