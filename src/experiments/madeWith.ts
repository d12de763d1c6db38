import { availableParallelism, cpus } from 'node:os';
import { version } from '../foundation/version.ts';
import { loadOnnxRuntime } from '../runtime/onnxRuntime.ts';

/** What a result was made with, in words by name: another of them may give other bytes. */
export type MadeWith = Readonly<Record<string, string>>;

/** What this process makes results with. */
export async function madeWith(): Promise<MadeWith> {
  const { env } = await loadOnnxRuntime();
  return {
    softprompt: version,
    onnxruntime: Object.values(env.versions).join(', '),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    processor: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} threads`,
  };
}
