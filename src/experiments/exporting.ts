import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fingerprintModel } from '../checkpoint/fingerprint.ts';
import { type FloatType, rounded } from '../checkpoint/floatTypes.ts';
import { writeGguf } from '../checkpoint/gguf.ts';
import { dataFileOf, graphTypes, weightsAs, writeOnnxFile } from '../checkpoint/onnxFile.ts';
import { tensorBytes as dataBytes } from '../checkpoint/tensorWriting.ts';
import { SoftpromptError } from '../foundation/errors.ts';
import type { AttachedModel, LanguageModel } from '../inference/languageModel.ts';
import {
  attachedLogits,
  fileLogits,
  type LogitChange,
  type LogitsOf,
  logitChange,
  vocabularyRows,
} from '../inference/logitChange.ts';
import { readAdapter, type StoredAdapter, writeAdapter } from '../methods/adapter.ts';
import { loraGguf } from '../methods/loraGguf.ts';
import { type MethodShape, positionsTaken } from '../methods/method.ts';
import { baseModel } from '../methods/table.ts';
import { buildExportGraph } from '../models/exportGraph.ts';
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
  /** Null: as it is, which is f32 for an adapter and the checkpoint's own type for a model's weights. */
  readonly type: FloatType | null;
  /** Absolute path. */
  readonly output: string;
  /** Stops an export before its files take the place of older ones. */
  readonly signal: AbortSignal;
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
  /** The model with the adapter. */
  readonly attached: AttachedModel;
}

const writers = {
  /** PEFT's folder. */
  peft: async ({ language, stored, type, output }) => {
    refuseSuffix(stored.method, 'PEFT');
    if (resolve(output) === resolve(stored.dir)) {
      throw new SoftpromptError('option-invalid', {
        option: '--output',
        problem: 'is the folder of the adapter itself',
      });
    }
    // The card would then say of the new tensors what is true of the old.
    if ((await readCard(output)) !== null) {
      throw new SoftpromptError('option-invalid', {
        option: '--output',
        problem: 'holds an adapter with a card of its own',
        todo: 'Choose another folder.',
      });
    }
    await writeAdapter(output, stored, type ?? 'F32');
    const again = await readAdapter(output, language.model);
    return { files: [output], bytes: await tensorBytes(output), logits: attachedLogits(await language.attach(again)) };
  },
  /** A LORA as llama.cpp reads it. */
  gguf: async ({ language, stored, type, output }) => {
    requireEnding(output, '.gguf');
    const { metadata, tensors, asWritten } = loraGguf(stored, language.model, type ?? 'F32');
    await writeGguf(output, metadata, tensors);
    const { size } = await stat(output);
    return { files: [output], bytes: size, logits: attachedLogits(await language.attach(asWritten)) };
  },
  /** The whole adapted model as ONNX Runtime runs it: an .onnx file with its weights beside it. */
  onnx: async ({ language, stored, attached, type, output, signal }) => {
    refuseSuffix(stored.method, 'A model that runs alone');
    requireEnding(output, '.onnx');
    const { model } = language;
    const { architecture } = model;
    if (architecture.kind === 'encoder_decoder') {
      const problem = `onnx is not written of models that write behind an encoder, as ${model.modelType} does`;
      throw new SoftpromptError('option-invalid', { option: '--format', problem, todo: 'Choose peft.' });
    }
    if (architecture.sizes.frequenciesOf !== undefined) {
      const problem = 'onnx is not written of models whose positions turn otherwise in long rows (longrope, dynamic)';
      throw new SoftpromptError('option-invalid', { option: '--format', problem, todo: 'Choose peft.' });
    }
    // What acts through a decoder's virtual tokens alone is all in their keys and values.
    const shape = architecture.kind === 'decoder' && stored.method.virtualOnly ? baseModel : stored.method;
    const dtype = type ?? 'F32';
    const tensors = new Map(
      shape.trainables.map(({ name }) => {
        const data = rounded(name, stored.tensors.get(name)!, dtype);
        return [name, { dtype: graphTypes[dtype], bytes: Buffer.concat([...dataBytes({ dtype, data })]) }] as const;
      }),
    );
    const held = { ...model, architecture, weights: weightsAs(model.weights, type) };
    await writeOnnxFile(output, buildExportGraph(held, shape, tensors, attached.prefix), model.weights, signal);
    const files = [output, dataFileOf(output)];
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    return { files, bytes: sizes.reduce((sum, size) => sum + size, 0), logits: fileLogits(output) };
  },
} satisfies Record<string, (request: WriteRequest) => Promise<Written>>;

/** Only we know where an input ends and the suffix begins. */
function refuseSuffix({ suffixTokens = 0 }: MethodShape, reader: string): void {
  if (suffixTokens === 0) return;
  const problem = `${reader} puts virtual tokens before the input alone; this adapter's stand after it (placement: suffix)`;
  throw new SoftpromptError('option-invalid', {
    option: '--format',
    problem,
    todo: 'Train it with placement: prefix.',
  });
}

/** A slip of the pen in --output shall not cost a model its weights. */
function requireEnding(output: string, ending: string): void {
  if (output.endsWith(ending)) return;
  throw new SoftpromptError('option-invalid', { option: '--output', problem: `must end with ${ending}` });
}

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
  const attached = await language.attach(stored);
  if (request.signal.aborted) throw new SoftpromptError('cancelled', {});
  const before = attachedLogits(attached);
  const { files, bytes, logits } = await writers[format]({ ...request, stored, attached });
  const rows = vocabularyRows(model.architecture.sizes, positionsTaken(stored.method));
  return { format, files, bytes, change: await logitChange(before, logits, rows) };
}
