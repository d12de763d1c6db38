import { type FileHandle, open } from 'node:fs/promises';
import { SoftpromptError } from '../foundation/errors.ts';
import { fileError } from '../foundation/files.ts';
import { dtypeBits, type SafetensorsDtype } from './dtypes.ts';
import { widenBFloat16, widenFloat16 } from './halfPrecision.ts';
import type { TensorInfo } from './safetensors.ts';

/** Bytes read at a time; a multiple of every element's width. */
const pieceBytes = 16 * 1024 * 1024;

/** The tensor's bytes, or those from `from` up to `to`, as they lie in the file: row-major, little-endian. */
export async function readTensorBytes(info: TensorInfo, from = 0, to = info.bytes): Promise<Uint8Array> {
  const bytes = new Uint8Array(to - from);
  await withFile(info, async (handle) => {
    for (let done = 0; done < bytes.length; done += pieceBytes) {
      await readExactly(handle, info, bytes.subarray(done, done + pieceBytes), info.offset + from + done);
    }
  });
  return bytes;
}

/**
 * The tensor's values as float32, row-major. F16 and BF16 are widened exactly, F64 is rounded.
 * @throws SoftpromptError tensor-unusable when the tensor holds no floats
 */
export async function readFloat32(info: TensorInfo): Promise<Float32Array> {
  const widen = widening(info);
  const values = new Float32Array(elementCount(info));
  await withFile(info, (handle) => readInto(handle, info, widen, 0, values));
  return values;
}

/**
 * Rows of a tensor [rows, width] as float32 [rows.length, width], in the order asked for; reads only those rows.
 * @throws SoftpromptError tensor-unusable when the tensor holds no floats, is not 2-D or has no such row
 */
export async function readFloat32Rows(info: TensorInfo, rows: readonly number[]): Promise<Float32Array> {
  const widen = widening(info);
  const [count, width, ...more] = info.shape;
  if (count === undefined || width === undefined || more.length > 0) {
    throw unusable(info, `has shape [${info.shape.join(', ')}]; rows can be read of a matrix only`);
  }
  const values = new Float32Array(rows.length * width);
  await withFile(info, async (handle) => {
    for (const [i, row] of rows.entries()) {
      if (!Number.isInteger(row) || row < 0 || row >= count)
        throw unusable(info, `has ${count} rows and no row ${row}`);
      await readInto(handle, info, widen, row * width, values.subarray(i * width, (i + 1) * width));
    }
  });
  return values;
}

/** Number of elements of a tensor. */
export function elementCount(info: { readonly shape: readonly number[] }): number {
  return info.shape.reduce((product, size) => product * size, 1);
}

/** Turns a piece of the file (aligned at its start) into values. */
type Widening = (piece: ArrayBuffer, target: Float32Array) => void;

const widenings: Readonly<Partial<Record<SafetensorsDtype, Widening>>> = {
  F64: (piece, target) => target.set(new Float64Array(piece)),
  F32: (piece, target) => target.set(new Float32Array(piece)),
  F16: (piece, target) => widenFloat16(new Uint16Array(piece), target),
  BF16: (piece, target) => widenBFloat16(new Uint16Array(piece), target),
};

function widening(info: TensorInfo): Widening {
  const widen = widenings[info.dtype];
  if (widen === undefined) throw unusable(info, `is ${info.dtype}; F32, F16, BF16 or F64 is needed here`);
  return widen;
}

/** Reads `target.length` elements from element `first` on. */
async function readInto(
  handle: FileHandle,
  info: TensorInfo,
  widen: Widening,
  first: number,
  target: Float32Array,
): Promise<void> {
  const width = dtypeBits[info.dtype] / 8;
  const step = pieceBytes / width;
  for (let done = 0; done < target.length; done += step) {
    const count = Math.min(step, target.length - done);
    // A copy of its own: the tensor may start at any byte of the file, typed arrays need alignment.
    const piece = new Uint8Array(count * width);
    await readExactly(handle, info, piece, info.offset + (first + done) * width);
    widen(piece.buffer, target.subarray(done, done + count));
  }
}

async function readExactly(handle: FileHandle, info: TensorInfo, target: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await handle.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw unusable(info, 'is cut short: the file has changed since its header was read');
    done += bytesRead;
  }
}

async function withFile(info: TensorInfo, use: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(info.file, 'r').catch((error: unknown) => {
    throw fileError(info.file, error);
  });
  try {
    await use(handle);
  } catch (error) {
    throw error instanceof SoftpromptError ? error : fileError(info.file, error);
  } finally {
    await handle.close();
  }
}

function unusable(info: TensorInfo, problem: string): SoftpromptError {
  return new SoftpromptError('tensor-unusable', { file: info.file, tensor: info.name, problem });
}
