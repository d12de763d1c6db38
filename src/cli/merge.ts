import { join, relative, resolve } from 'node:path';
import { appendAudit } from '../experiments/audit.ts';
import type { Environment } from '../experiments/environment.ts';
import { isInLibrary, resolveAdapter } from '../experiments/library.ts';
import { type MergeProgress, type MergeResult, mergeModel } from '../experiments/mergeModel.ts';
import { findStore } from '../experiments/store.ts';
import { exitStatus } from './exitStatus.ts';
import { interruptible } from './interrupt.ts';
import type { Terminal } from './terminal.ts';

/** Options of `softprompt merge`. */
export interface MergeOptions {
  readonly model: string;
  readonly adapter: string;
  readonly output: string;
  /** Bytes. */
  readonly maxShardSize: number;
  readonly json?: boolean;
}

/** Works an adapter into its base model: a model folder of its own that anything can load. */
export async function merge(options: MergeOptions, terminal: Terminal, env: Environment): Promise<number> {
  const store = findStore(join(process.cwd(), 'adapter'), process.cwd());
  const { dir, label } = resolveAdapter(store, options.adapter, process.cwd());
  const result = await interruptible(
    () => terminal.note('\nStopping after this tensor; once more to stop at once.'),
    (signal) => {
      const request = {
        model: resolve(options.model),
        adapter: dir,
        output: resolve(options.output),
        shardBytes: options.maxShardSize,
      };
      return mergeModel(request, signal, (progress) => {
        if (options.json !== true) showProgress(progress, terminal);
      });
    },
  );
  if (isInLibrary(store, dir)) {
    await appendAudit(
      store,
      { action: 'merged', adapter: label.replace(/ (?=\d+$)/, '@'), detail: result.output },
      env,
    );
  }
  if (options.json === true) terminal.out(JSON.stringify(result));
  else for (const line of summary(result)) terminal.out(line);
  return exitStatus.done;
}

/** What a merge gave, in words. */
export function summary({ output, method, tensors, changed, dtypes, rounding, untied, logits }: MergeResult): string[] {
  const figure = (x: number): string => x.toPrecision(2);
  return [
    `${method} worked into ${changed.length} of ${tensors} tensors; the others keep their bytes.`,
    ...(rounding === null
      ? []
      : [
          `Rounding to ${dtypes.join(', ')} added at most ${figure(rounding.largest)} to an element: ` +
            `${figure(rounding.relative)} of the changed tensors' norm, ` +
            `${figure(rounding.relative_to_change)} of the adapter's change.`,
        ]),
    ...(untied ? ['config.json: tie_word_embeddings is now false, as the output head is a tensor of its own.'] : []),
    `Logits at ${logits.positions} positions of random tokens, adapter beside the model against merged: ` +
      `largest change ${figure(logits.largest_change)}, mean KL ${figure(logits.mean_kl)} nats`,
    `Model: ${relative(process.cwd(), output).startsWith('..') ? output : relative(process.cwd(), output)}`,
  ];
}

function showProgress({ written, tensors }: MergeProgress, terminal: Terminal): void {
  if (terminal.draw !== null) {
    terminal.draw(written === tensors ? '\r\u001b[K' : `\rtensor ${written} of ${tensors}\u001b[K`);
  } else if (written === tensors || written % Math.ceil(tensors / 10) === 0) {
    terminal.note(`tensor ${written} of ${tensors}`);
  }
}
