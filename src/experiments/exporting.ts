import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fingerprintModel } from '../checkpoint/fingerprint.ts';
import type { FloatType } from '../checkpoint/floatTypes.ts';
import { writeGguf } from '../checkpoint/gguf.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { LanguageModel } from '../inference/languageModel.ts';
import {
  attachedLogits,
  type LogitChange,
  type LogitsOf,
  logitChange,
  vocabularyRows,
} from '../inference/logitChange.ts';
import { readAdapter, type StoredAdapter, writeAdapter } from '../methods/adapter.ts';
import { loraGguf } from '../methods/loraGguf.ts';
import { readCard, tensorBytes } from './library.ts';

/** What an adapter can be written as. */
export type ExportFormat = keyof typeof writers;

/** The element types by their names on the command line. */
export const exportTypes = { f32: 'F32', f16: 'F16', bf16: 'BF16' } as const satisfies Record<string, FloatType>;

/** An adapter of a loaded model, and where it shall go. */
export interface ExportRequest {
  readonly language: LanguageModel;
  /** The adapter's folder. */
  readonly adapter: string;
  readonly format: ExportFormat;
  /** Null: f32. */
  readonly type: FloatType | null;
  /** Absolute path. */
  readonly output: string;
}

/** What was written. */
export interface ExportReport {
  readonly format: ExportFormat;
  readonly files: readonly string[];
  readonly bytes: number;
  /** What rounding and conversion did: the model with what was written against the model with the adapter. */
  readonly change: LogitChange;
}

/** What a writer hands back: its files with their sizes, and the model with what lies in them. */
interface Written {
  readonly files: readonly string[];
  readonly bytes: number;
  readonly logits: LogitsOf;
}

interface WriteRequest extends ExportRequest {
  readonly stored: StoredAdapter;
}

const writers = {
  /** PEFT's folder. */
  peft: async ({ language, stored, type, output }) => {
    if (resolve(output) === resolve(stored.dir)) {
      throw new SoftpromptError('option-invalid', {
        option: '--output',
        problem: 'is the folder of the adapter itself',
      });
    }
    await writeAdapter(output, stored, type ?? 'F32');
    const again = await readAdapter(output, language.model);
    return { files: [output], bytes: await tensorBytes(output), logits: attachedLogits(await language.attach(again)) };
  },
  /** A LORA as llama.cpp reads it. */
  gguf: async ({ language, stored, type, output }) => {
    const { metadata, tensors, asWritten } = loraGguf(stored, language.model, type ?? 'F32');
    await writeGguf(output, metadata, tensors);
    const { size } = await stat(output);
    return { files: [output], bytes: size, logits: attachedLogits(await language.attach(asWritten)) };
  },
} satisfies Record<string, (request: WriteRequest) => Promise<Written>>;

/** The names of `ExportFormat`. */
export const exportFormats = Object.keys(writers) as readonly ExportFormat[];

/**
 * Writes an adapter in a format of others, and measures what that changed.
 * @throws SoftpromptError adapter-base when it was trained on another model, and what reading and the format's writer throw
 */
export async function exportAdapterAs(request: ExportRequest): Promise<ExportReport> {
  const { language, adapter, format } = request;
  const { model } = language;
  const stored = await readAdapter(adapter, model);
  const card = await readCard(adapter);
  if (card !== null && card.base.fingerprint !== (await fingerprintModel(model.dir))) {
    throw new SoftpromptError('adapter-base', { dir: adapter, trained: card.base.model, model: model.dir });
  }
  const before = attachedLogits(await language.attach(stored));
  const { files, bytes, logits } = await writers[format]({ ...request, stored });
  const rows = vocabularyRows(model.architecture.sizes, stored.method.virtualTokens);
  return { format, files, bytes, change: await logitChange(before, logits, rows) };
}
