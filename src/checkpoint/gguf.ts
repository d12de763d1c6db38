import { SoftpromptError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import type { FloatType } from './floatTypes.ts';
import { byteLength, type TensorData, tensorBytes } from './tensorWriting.ts';

/** A tensor of a GGUF file; its shape is written fastest axis first. */
export interface GgufTensor extends TensorData {
  readonly dtype: FloatType;
}

/** A value of a GGUF file's metadata, with its type. */
export type GgufValue =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'uint32' | 'float32'; readonly value: number };

/** Numbers of the format, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. */
const valueTypes = { uint32: 4, float32: 6, string: 8 } satisfies Record<GgufValue['type'], number>;
const tensorTypes = { F32: 0, F16: 1, BF16: 30 } satisfies Record<FloatType, number>;
const version = 3;
const alignment = 32;
const longestName = 64;

/** Writes a GGUF file (version 3, little-endian, tensors at multiples of 32 bytes) whole or not at all. */
export async function writeGguf(
  file: string,
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly GgufTensor[],
): Promise<void> {
  await writeFileAtomic(file, chunks(header(metadata, tensors), tensors));
}

function header(metadata: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Buffer {
  const parts = [Buffer.from('GGUF'), u32(version), u64(tensors.length), u64(metadata.size)];
  for (const [key, entry] of metadata) parts.push(text(key), u32(valueTypes[entry.type]), valueBytes(entry));
  const names = new Set<string>();
  let offset = 0;
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    // A name that fills its 64 bytes leaves no room for the zero that ends it.
    if (names.has(name) || Buffer.byteLength(name) >= longestName) {
      throw new SoftpromptError('internal', {
        problem: `GGUF tensor ${JSON.stringify(name)} is there twice or too long`,
      });
    }
    names.add(name);
    parts.push(text(name), u32(shape.length), ...shape.toReversed().map(u64), u32(tensorTypes[dtype]), u64(offset));
    offset = aligned(offset + byteLength(tensor));
  }
  const bytes = Buffer.concat(parts);
  return Buffer.concat([bytes, padding(bytes.length)]);
}

function* chunks(start: Buffer, tensors: readonly GgufTensor[]): Iterable<Uint8Array> {
  yield start;
  for (const tensor of tensors) {
    yield* tensorBytes(tensor);
    yield padding(byteLength(tensor));
  }
}

function aligned(offset: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function padding(length: number): Buffer {
  return Buffer.alloc(aligned(length) - length);
}

function valueBytes(entry: GgufValue): Buffer {
  if (entry.type === 'string') return text(entry.value);
  if (entry.type === 'uint32') return u32(entry.value);
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(entry.value);
  return bytes;
}

function text(string: string): Buffer {
  const bytes = Buffer.from(string);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
}

function u64(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(number));
  return bytes;
}
