import { resolve } from 'node:path';
import { fingerprintModel } from '../checkpoint/fingerprint.ts';
import { checkVacant, writeModelFolder } from '../checkpoint/modelWriting.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import { writeObstacle } from '../foundation/files.ts';
import { LanguageModel } from '../inference/languageModel.ts';
import { attachedLogits, logitChange, vocabularyRows } from '../inference/logitChange.ts';
import { type Adapter, readAdapter } from '../methods/adapter.ts';
import { adapterUse } from '../methods/adapterUse.ts';
import { planMerge } from '../methods/merging.ts';
import type { Model, ModelUse } from '../models/model.ts';
import { readCard } from './library.ts';

/** An adapter to be worked into its base model. */
export interface MergeRequest {
  /** Folder of the base model. */
  readonly model: string;
  /** Folder of the adapter. */
  readonly adapter: string;
  /** Folder to make. */
  readonly output: string;
  /** Largest weight file, in bytes. */
  readonly shardBytes?: number;
}

/** How far a merge is: tensors written of all. */
export interface MergeProgress {
  readonly written: number;
  readonly tensors: number;
}

/** What a merge gave. */
export interface MergeResult {
  readonly output: string;
  readonly method: string;
  readonly tensors: number;
  /** Names, in the file, of the tensors that changed. */
  readonly changed: readonly string[];
  /** Types of those tensors in the file. */
  readonly dtypes: readonly string[];
  /** What rounding changed tensors to the checkpoint's type added; null where that type is float32. */
  readonly rounding: {
    /** To an element. */
    readonly largest: number;
    /** Its norm over that of the tensors, and over that of the adapter's change. */
    readonly relative: number;
    readonly relative_to_change: number;
  } | null;
  /** Whether config.json now says that the output head is not the table of token embeddings. */
  readonly untied: boolean;
  /** The new folder's logits against those of the base model with the adapter, at positions of drawn tokens. */
  readonly logits: { readonly positions: number; readonly largest_change: number; readonly mean_kl: number };
}

/**
 * Works an adapter into its base model and writes the result as a model folder of its own; then opens that folder and
 * compares what it gives with what the base model gives with the adapter.
 * @throws SoftpromptError option-invalid, not-mergeable, adapter-base, cancelled, and what reading throws
 */
export async function mergeModel(
  request: MergeRequest,
  signal: AbortSignal,
  progress: (progress: MergeProgress) => void,
): Promise<MergeResult> {
  const output = resolve(request.output);
  const obstacle = await writeObstacle(output);
  if (obstacle !== null) {
    throw new SoftpromptError('option-invalid', { option: `--output ${output}`, problem: obstacle });
  }
  await checkVacant(output);
  const use = await adapterUse(request.adapter);
  const base = await LanguageModel.open(request.model, 'cpu', use);
  const { model } = base;
  const adapter = await readAdapter(request.adapter, model);
  await checkBase(adapter.dir, model);
  const { tensors, configChanges, tally } = await planMerge(model, adapter, signal, ({ written }, all) =>
    progress({ written, tensors: all }),
  );
  const { shardBytes } = request;
  await writeModelFolder(model.dir, output, tensors, {
    configChanges,
    ...(shardBytes !== undefined && { shardBytes }),
  });
  const changed = new Set(tally.changed);
  const dtypes = [...new Set(tensors.flatMap(({ name, dtype }) => (changed.has(name) ? [dtype] : [])))];
  const { rounding, change, result } = tally.squares;
  const ratio = (a: number, b: number): number => (a === 0 ? 0 : Math.sqrt(a / b));
  return {
    output,
    method: adapter.method.peftType,
    tensors: tensors.length,
    changed: tally.changed,
    dtypes,
    rounding: dtypes.every((dtype) => dtype === 'F32')
      ? null
      : {
          largest: tally.largestRounding,
          relative: ratio(rounding, result),
          relative_to_change: ratio(rounding, change),
        },
    untied: Object.hasOwn(configChanges, 'tie_word_embeddings'),
    logits: await compared(base, adapter, output, use),
  };
}

/** Refuses a base model that is not what the adapter's card says it was trained on. */
async function checkBase(dir: string, model: Model): Promise<void> {
  const card = await readCard(dir);
  if (card !== null && card.base.fingerprint !== (await fingerprintModel(model.dir))) {
    throw new SoftpromptError('adapter-base', { dir, trained: card.base.model, model: model.dir });
  }
}

async function compared(
  base: LanguageModel,
  adapter: Adapter,
  output: string,
  use: ModelUse,
): Promise<MergeResult['logits']> {
  const rows = vocabularyRows(base.model.architecture.sizes, 0);
  // One after the other, so that only one of the models is in memory at a time.
  const { positions, largest, meanKl } = await logitChange(
    async () => {
      const logits = await attachedLogits(await base.attach(adapter))(rows);
      await base.close();
      return logits;
    },
    async () => {
      const merged = await LanguageModel.open(output, 'cpu', use);
      const logits = await attachedLogits(await merged.attach(null))(rows);
      await merged.close();
      return logits;
    },
    rows,
  );
  return { positions, largest_change: largest, mean_kl: meanKl };
}
