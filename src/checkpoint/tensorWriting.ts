import { SoftpromptError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import { dtypeBits, dtypeOrder, type SafetensorsDtype } from './dtypes.ts';
import { narrowToBFloat16, narrowToFloat16 } from './halfPrecision.ts';

/** A tensor to write, row-major. */
export interface TensorData {
  readonly name: string;
  /** The type in the file. */
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Float32Array: values, converted to `dtype` (F32, F16, BF16 or F64); Uint8Array: the bytes as they shall lie. */
  readonly data: Float32Array | Uint8Array;
}

/** A tensor whose content is made when its turn to be written has come, for files that memory should not hold whole. */
export interface LazyTensor extends Omit<TensorData, 'data'> {
  readonly data: () => Promise<TensorData['data']>;
}

/** Elements converted at a time. */
const pieceElements = 4 * 1024 * 1024;

/**
 * Writes a safetensors file as the reference writer does: `__metadata__` first, tensors by type (widest first) then
 * name, header padded with spaces to a multiple of 8. Whole or not at all; only a piece of a tensor is copied at a time.
 */
export async function writeSafetensors(
  file: string,
  tensors: readonly (TensorData | LazyTensor)[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const ordered = [...tensors].sort(
    (a, b) =>
      (dtypeOrder.get(a.dtype) ?? 0) - (dtypeOrder.get(b.dtype) ?? 0) ||
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
  const header = headerBytes(ordered, metadata);
  await writeFileAtomic(file, chunks(header, ordered));
}

function headerBytes(
  tensors: readonly (TensorData | LazyTensor)[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries = Object.keys(metadata).length === 0 ? [] : [`"__metadata__":${JSON.stringify(metadata)}`];
  const names = new Set(['__metadata__']);
  let position = 0;
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    if (names.has(name)) throw internal(name, 'has a name that is taken');
    names.add(name);
    const end = position + fileBytes(tensor);
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [position, end] })}`);
    position = end;
  }
  const text = Buffer.from(`{${entries.join(',')}}`);
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = Buffer.alloc(8 + length, ' ');
  bytes.writeBigUInt64LE(BigInt(length));
  text.copy(bytes, 8);
  return bytes;
}

/** A tensor's size in a file, by what it says of itself. */
export function fileBytes({ dtype, shape }: Pick<TensorData, 'dtype' | 'shape'>): number {
  return (shape.reduce((product, size) => product * size, 1) * dtypeBits[dtype]) / 8;
}

/** The tensor's size in the file, after checking that its data has the size of its shape. */
export function byteLength(tensor: TensorData): number {
  const { name, dtype, shape, data } = tensor;
  const bytes = fileBytes(tensor);
  const needed = data instanceof Float32Array ? (bytes * 8) / dtypeBits[dtype] : bytes;
  if (data.length !== needed) {
    throw internal(name, `has ${data.length} elements where shape [${shape.join(', ')}] needs ${needed}`);
  }
  if (data instanceof Float32Array && !Object.hasOwn(conversions, dtype))
    throw internal(name, `cannot be written as ${dtype}`);
  return bytes;
}

const conversions: Readonly<Partial<Record<SafetensorsDtype, (values: Float32Array) => ArrayBufferView>>> = {
  F64: (values) => Float64Array.from(values),
  F32: (values) => values,
  F16: narrowToFloat16,
  BF16: narrowToBFloat16,
};

async function* chunks(header: Uint8Array, tensors: readonly (TensorData | LazyTensor)[]): AsyncIterable<Uint8Array> {
  yield header;
  for (const { data, ...rest } of tensors) {
    const tensor = { ...rest, data: typeof data === 'function' ? await data() : data };
    byteLength(tensor);
    yield* tensorBytes(tensor);
  }
}

/** A tensor's bytes as they lie in a file, a piece at a time. */
export function* tensorBytes({ dtype, data }: Pick<TensorData, 'dtype' | 'data'>): Iterable<Uint8Array> {
  const convert = data instanceof Float32Array ? conversions[dtype] : undefined;
  for (let done = 0; done < data.length; done += pieceElements) {
    const piece = data.subarray(done, done + pieceElements);
    const view = convert === undefined ? piece : convert(piece as Float32Array);
    yield new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  }
}

function internal(name: string, problem: string): SoftpromptError {
  return new SoftpromptError('internal', { problem: `tensor ${JSON.stringify(name)} to write ${problem}` });
}
