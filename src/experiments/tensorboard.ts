import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import protobuf from 'protobufjs/minimal.js';
import type { TrainingEvent } from '../training/events.ts';
import type { Environment } from './environment.ts';

/** A TensorBoard event file of a run: TFRecords of `tensorflow.Event` messages (tensorflow/core/util/event.proto). */
export class TensorBoardWriter {
  readonly #handle: FileHandle;
  readonly #now: () => Date;

  private constructor(handle: FileHandle, now: () => Date) {
    this.#handle = handle;
    this.#now = now;
  }

  /** Begins a new event file in a folder; TensorBoard reads all files of a folder as one run. */
  static async open(folder: string, env: Pick<Environment, 'now' | 'host' | 'pid'>): Promise<TensorBoardWriter> {
    await mkdir(folder, { recursive: true });
    const milliseconds = env.now().getTime();
    const seconds = String(Math.floor(milliseconds / 1000)).padStart(10, '0');
    const host = env.host.replace(/[^\w.-]/g, '_');
    const name = `events.out.tfevents.${seconds}.${host}.${env.pid}.${milliseconds % 1000}`;
    const handle = await open(join(folder, name), 'a');
    await handle.appendFile(record(versionEvent(milliseconds / 1000)));
    return new TensorBoardWriter(handle, env.now);
  }

  /** Writes the scalars of a training event, if it has any. */
  async write(event: TrainingEvent): Promise<void> {
    const wallTime = this.#now().getTime() / 1000;
    for (const { tag, step, value } of scalarsOf(event)) {
      await this.#handle.appendFile(record(scalarEvent(wallTime, step, tag, value)));
    }
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function scalarsOf(event: TrainingEvent): { tag: string; step: number; value: number }[] {
  const { step } = event as { step: number };
  if (event.event === 'step') {
    return [
      { tag: 'loss/train', step, value: event.loss },
      { tag: 'learning_rate', step, value: event.learning_rate },
      { tag: 'grad_norm', step, value: event.grad_norm },
    ];
  }
  return event.event === 'eval' ? [{ tag: 'loss/eval', step, value: event.loss }] : [];
}

/** Event { wall_time = 1, file_version = 3 }: the first of a file. */
export function versionEvent(wallTime: number): Uint8Array {
  return protobuf.Writer.create()
    .uint32(tag(1, fixed64))
    .double(wallTime)
    .uint32(tag(3, bytes))
    .string('brain.Event:2')
    .finish();
}

/** Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }. Wall time in seconds. */
export function scalarEvent(wallTime: number, step: number, name: string, value: number): Uint8Array {
  return protobuf.Writer.create()
    .uint32(tag(1, fixed64))
    .double(wallTime)
    .uint32(tag(2, varint))
    .int64(step)
    .uint32(tag(5, bytes))
    .fork()
    .uint32(tag(1, bytes))
    .fork()
    .uint32(tag(1, bytes))
    .string(name)
    .uint32(tag(2, fixed32))
    .float(value)
    .ldelim()
    .ldelim()
    .finish();
}

// Protocol buffers' wire types.
const varint = 0;
const fixed64 = 1;
const bytes = 2;
const fixed32 = 5;
const tag = (field: number, wireType: number): number => (field << 3) | wireType;

/** A TFRecord: length, masked CRC-32C of the length, data, masked CRC-32C of the data; little endian. */
export function record(data: Uint8Array): Uint8Array {
  const result = new Uint8Array(12 + data.length + 4);
  const view = new DataView(result.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(result.subarray(0, 8)), true);
  result.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return result;
}

/** TensorFlow's masked CRC (tensorflow/core/lib/hash/crc32c.h): a CRC stored beside its data must not look like one. */
export function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), reflected polynomial 0x82F63B78; node:zlib has only the other CRC-32. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (crc >>> 8) ^ castagnoli[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

const castagnoli = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
