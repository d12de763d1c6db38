import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { SoftpromptError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import type { DType } from '../onnx/dims.ts';
import type { Constant, ExternalBytes, Graph } from '../onnx/graph.ts';
import { needed, serialize } from '../onnx/serialize.ts';
import { type FloatType, rounded } from './floatTypes.ts';
import type { TensorInfo } from './safetensors.ts';
import { elementCount, readFloat32, readTensorBytes } from './tensorReading.ts';
import { tensorBytes } from './tensorWriting.ts';
import type { CheckpointWeights } from './weights.ts';

/** The graph's element types by safetensors' names. */
export const graphTypes = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const satisfies Record<
  FloatType,
  DType
>;

/** Bytes from which a constant lies in the data file. */
const smallest = 1024;
/** Where tensors begin in the data file: at pages, so that it can be mapped (onnx.proto, `external_data`). */
const pageBytes = 4096;
/** Bytes copied at a time. */
const pieceBytes = 16 * 1024 * 1024;

/** A constant and where it lies in the data file. */
interface Placed {
  readonly constant: Constant;
  readonly offset: number;
}

/** Weights as a graph should hold them: in `type`, which they are converted to when its file is written. */
export function weightsAs(weights: CheckpointWeights, type: FloatType | null): CheckpointWeights {
  if (type === null) return weights;
  const width = type === 'F32' ? 4 : 2;
  const tensors = [...weights.tensors].map(
    ([name, info]) => [name, { ...info, dtype: type, bytes: width * elementCount(info) }] as const,
  );
  return { ...weights, tensors: new Map(tensors) };
}

/** The file beside an .onnx file that holds its weights. */
export function dataFileOf(file: string): string {
  return `${file}_data`;
}

/**
 * Writes a graph as an .onnx file, with its weights in `dataFileOf(file)`. The .onnx file is written last, and one that
 * was there before is gone before its weights are: one that can be opened has all of its weights. The graph's constants then lie there.
 * @param weights the checkpoint that external constants come from, in its own types
 * @throws SoftpromptError cancelled; then what was there before is there still
 */
export async function writeOnnxFile(
  file: string,
  graph: Graph,
  weights: CheckpointWeights,
  signal: AbortSignal,
): Promise<void> {
  const dataFile = dataFileOf(file);
  const sources = new Map([...weights.tensors.values()].map((info) => [placeOf(info), info] as const));
  const placed = place(graph);
  await writeFileAtomic(dataFile, replacing(file, dataChunks(placed, sources), signal));
  for (const { constant, offset } of placed) {
    const { value, data } = constant;
    const bytes = byteLength(data);
    graph.constants.set(value.name, { value, data: { file: dataFile, offset, bytes } });
  }
  await writeFileAtomic(file, serialize(graph, basename));
}

function place(graph: Graph): readonly Placed[] {
  let end = 0;
  return needed(graph).constants.flatMap((constant) => {
    const bytes = byteLength(constant.data);
    if (constant.data instanceof Uint8Array && bytes < smallest) return [];
    const offset = Math.ceil(end / pageBytes) * pageBytes;
    end = offset + bytes;
    return [{ constant, offset }];
  });
}

/** The chunks; when all are there, the file that the old ones belonged to goes. */
async function* replacing(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    if (signal.aborted) throw new SoftpromptError('cancelled', {});
    yield chunk;
  }
  await rm(file, { force: true });
}

async function* dataChunks(
  placed: readonly Placed[],
  sources: ReadonlyMap<string, TensorInfo>,
): AsyncIterable<Uint8Array> {
  let at = 0;
  for (const { constant, offset } of placed) {
    if (offset > at) yield new Uint8Array(offset - at);
    const { data, value } = constant;
    if (data instanceof Uint8Array) yield data;
    else yield* checkpointBytes(sources.get(placeOf(data))!, value.dtype);
    at = offset + byteLength(data);
  }
}

/** A tensor of the checkpoint in the type that the graph has it in. */
async function* checkpointBytes(info: TensorInfo, dtype: DType): AsyncIterable<Uint8Array> {
  const type = (Object.keys(graphTypes) as FloatType[]).find((known) => graphTypes[known] === dtype);
  if (type === undefined) throw new SoftpromptError('internal', { problem: `a weight of type ${dtype}` });
  if (info.dtype === type) {
    for (let from = 0; from < info.bytes; from += pieceBytes) {
      yield await readTensorBytes(info, from, Math.min(from + pieceBytes, info.bytes));
    }
    return;
  }
  yield* tensorBytes({ dtype: type, data: rounded(info.name, await readFloat32(info), type) });
}

function placeOf({ file, offset }: Pick<ExternalBytes, 'file' | 'offset'>): string {
  return `${offset} ${file}`;
}

function byteLength(data: Constant['data']): number {
  return data instanceof Uint8Array ? data.length : data.bytes;
}
