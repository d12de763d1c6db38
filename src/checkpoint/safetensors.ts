import { type FileHandle, open } from 'node:fs/promises';
import { SoftpromptError } from '../foundation/errors.ts';
import { fileError } from '../foundation/files.ts';
import { dtypeBits, isDtype, type SafetensorsDtype } from './dtypes.ts';
import { isEntries, type JsonEntries, type JsonNode, JsonSyntaxError, parseJson } from './json.ts';

/** A tensor and where its bytes lie. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly file: string;
  /** First byte, counted from the start of the file; need not be aligned. */
  readonly offset: number;
  readonly bytes: number;
}

/** What a safetensors file says of itself. */
export interface SafetensorsHeader {
  readonly file: string;
  /** The free text pairs of `__metadata__`. */
  readonly metadata: ReadonlyMap<string, string>;
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** The header's length: an unsigned 64-bit integer, little-endian. */
const prefixBytes = 8;
/** The reference reader refuses a longer header. */
const maximumHeaderBytes = 100_000_000;

/**
 * Reads a safetensors file's header, and nothing more of the file, with the checks of the reference reader
 * (safetensors 0.8, src/tensor.rs): what it refuses is refused here, what it accepts is accepted.
 * @throws SoftpromptError file-missing, file-unreadable, safetensors-invalid
 */
export async function readSafetensorsHeader(file: string): Promise<SafetensorsHeader> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw fileError(file, error);
  });
  try {
    const { size } = await handle.stat();
    const text = await readHeaderText(handle, file, size);
    return parseHeader(file, text.header, text.dataStart, size);
  } catch (error) {
    throw error instanceof SoftpromptError ? error : fileError(file, error);
  } finally {
    await handle.close();
  }
}

/** Wraps a finding of this file. */
function invalid(file: string, problem: string, tensor?: string): SoftpromptError {
  return new SoftpromptError('safetensors-invalid', { file, problem, ...(tensor === undefined ? {} : { tensor }) });
}

async function readHeaderText(
  handle: FileHandle,
  file: string,
  size: number,
): Promise<{ header: string; dataStart: number }> {
  if (size < prefixBytes) throw invalid(file, `is ${size} bytes long, too short for a safetensors file`);
  const prefix = Buffer.alloc(prefixBytes);
  await handle.read(prefix, 0, prefixBytes, 0);
  const length = prefix.readBigUInt64LE();
  if (length > maximumHeaderBytes) {
    throw invalid(file, `claims a header of ${length} bytes, more than the ${maximumHeaderBytes} allowed`);
  }
  const dataStart = prefixBytes + Number(length);
  if (dataStart > size) throw invalid(file, `ends inside its header (${size} of ${dataStart} bytes)`);
  const bytes = Buffer.alloc(Number(length));
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, prefixBytes);
  if (bytesRead < bytes.length) throw invalid(file, 'ends inside its header');
  try {
    return { header: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), dataStart };
  } catch {
    throw invalid(file, 'its header is not UTF-8');
  }
}

function parseHeader(file: string, text: string, dataStart: number, size: number): SafetensorsHeader {
  const metadata = new Map<string, string>();
  /** Last entry of each name: of names that repeat the reference keeps the last. */
  const raw = new Map<string, RawTensor>();
  let metadataSeen = false;
  for (const [name, node] of parseEntries(file, text).entries) {
    if (name !== '__metadata__') {
      raw.set(name, rawTensor(file, name, node));
      continue;
    }
    if (metadataSeen) throw invalid(file, 'its header has __metadata__ twice');
    metadataSeen = true;
    if (node === null) continue;
    if (!isEntries(node)) throw invalid(file, 'its __metadata__ is not an object');
    for (const [key, value] of node.entries) {
      if (typeof value !== 'string') throw invalid(file, `its __metadata__ key ${JSON.stringify(key)} is not a string`);
      metadata.set(key, value);
    }
  }

  const tensors = new Map<string, TensorInfo>();
  const byPosition = [...raw].sort(([, a], [, b]) => compare(a.begin, b.begin) || compare(a.end, b.end));
  let position = 0n;
  for (const [name, { dtype, shape, begin, end }] of byPosition) {
    if (begin !== position || end < begin) {
      throw invalid(file, `its bytes ${begin} to ${end} do not follow on byte ${position}: a hole or an overlap`, name);
    }
    const bytes = byteLength(file, name, dtype, shape);
    if (end - begin !== bytes) {
      throw invalid(
        file,
        `${dtype} of shape [${shape.join(', ')}] needs ${bytes} bytes, the header gives it ${end - begin}`,
        name,
      );
    }
    position = end;
    if (BigInt(dataStart) + end > size) break;
    tensors.set(name, {
      name,
      dtype,
      shape: shape.map(Number),
      file,
      offset: dataStart + Number(begin),
      bytes: Number(bytes),
    });
  }
  const expected = BigInt(dataStart) + position;
  if (expected > size) throw invalid(file, `is cut short: ${size} bytes of at least ${expected}`);
  if (expected < size) throw invalid(file, `has ${BigInt(size) - expected} bytes after its last tensor`);
  return { file, metadata, tensors };
}

function parseEntries(file: string, text: string): JsonEntries {
  try {
    const node = parseJson(text);
    if (!isEntries(node)) throw invalid(file, 'its header is not a JSON object');
    return node;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw invalid(file, `its header is not JSON (line ${error.line}, column ${error.column}: ${error.message})`);
  }
}

/** A tensor's entry, sizes not yet checked; offsets count from the end of the header. */
interface RawTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly bigint[];
  readonly begin: bigint;
  readonly end: bigint;
}

const fields = ['dtype', 'shape', 'data_offsets'] as const;

/** Reads an entry: an object with the three fields (others are ignored), or an array of the three values. */
function rawTensor(file: string, name: string, node: JsonNode): RawTensor {
  const values = new Map<string, JsonNode>();
  if (Array.isArray(node)) {
    if (node.length !== fields.length)
      throw invalid(file, 'its entry does not have dtype, shape and data_offsets', name);
    for (const [i, field] of fields.entries()) values.set(field, node[i] as JsonNode);
  } else if (isEntries(node)) {
    for (const [key, value] of node.entries) {
      if (values.has(key) && (fields as readonly string[]).includes(key)) {
        throw invalid(file, `its entry has ${key} twice`, name);
      }
      values.set(key, value);
    }
  } else {
    throw invalid(file, 'its entry is not an object', name);
  }
  const dtype = values.get('dtype');
  if (!isDtype(dtype)) throw invalid(file, `dtype ${describe(dtype)} is not one that safetensors has`, name);
  const shape = sizes(file, name, 'shape', values.get('shape'));
  const [begin, end, ...more] = sizes(file, name, 'data_offsets', values.get('data_offsets'));
  if (begin === undefined || end === undefined || more.length > 0) {
    throw invalid(file, 'data_offsets is not a pair', name);
  }
  return { dtype, shape, begin, end };
}

/** An array of unsigned 64-bit integers. */
function sizes(file: string, name: string, field: string, node: JsonNode | undefined): readonly bigint[] {
  if (!Array.isArray(node)) throw invalid(file, `${field} is ${describe(node)}, not an array`, name);
  return node.map((item: JsonNode) => {
    if (typeof item === 'bigint' && item >= 0n && item < 2n ** 64n) return item;
    throw invalid(file, `${field} holds ${describe(item)}, not a size`, name);
  });
}

/** Bytes a tensor of this type and shape takes; no step of the product may leave 64 bits, not even before a 0. */
function byteLength(file: string, name: string, dtype: SafetensorsDtype, shape: readonly bigint[]): bigint {
  let product = 1n;
  for (const size of [...shape, BigInt(dtypeBits[dtype])]) {
    product *= size;
    if (product >= 2n ** 64n) throw invalid(file, `shape [${shape.join(', ')}] is too large`, name);
  }
  if (product % 8n !== 0n)
    throw invalid(file, `${dtype} of shape [${shape.join(', ')}] does not fill whole bytes`, name);
  return product / 8n;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function describe(node: JsonNode | undefined): string {
  if (node === undefined) return 'missing';
  if (node === null) return 'null';
  if (typeof node === 'object') return Array.isArray(node) ? 'an array' : 'an object';
  return typeof node === 'string' ? JSON.stringify(node) : String(node);
}
