import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32c, maskedCrc, record, scalarEvent, TensorBoardWriter, versionEvent } from './tensorboard.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Written by TensorBoard 2.21's own protos and TFRecord writer: wall time 0; then loss = 1.5 at step 7, wall time 1. */
const goldenVersion = '1800000000000000a37f4b220900000000000000001a0d627261696e2e4576656e743a32eedf28a3';
const goldenLoss = '1a00000000000000129bd82d09000000000000f03f10072a0d0a0b0a046c6f7373150000c03fde327097';

test('the check value of CRC-32C and its mask', () => {
  const digits = new TextEncoder().encode('123456789');
  assert.equal(crc32c(digits), 0xe3069283);
  assert.equal(maskedCrc(digits), 0xc78ab0e5);
});

test("records are TensorBoard's own bytes", () => {
  assert.equal(hex(record(versionEvent(0))), goldenVersion);
  assert.equal(hex(record(scalarEvent(1, 7, 'loss', 1.5))), goldenLoss);
});

test('a file begins with the version and holds the scalars of steps and validations', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'softprompt-'));
  const now = () => new Date(1_800_000_000_250);
  const writer = await TensorBoardWriter.open(folder, { now, host: 'my host/1', pid: 77 });
  const step = { epoch: 0, loss: 2, learning_rate: 0.5, grad_norm: 4, tokens: 9, seconds: 1 };
  await writer.write({ event: 'step', step: 3, ...step });
  await writer.write({ event: 'eval', step: 3, loss: 1.25, best: true, seconds: 1 });
  await writer.write({ event: 'checkpoint', step: 3, path: 'c' });
  await writer.close();
  const [name] = readdirSync(folder);
  assert.equal(name, 'events.out.tfevents.1800000000.my_host_1.77.250');
  const wall = 1_800_000_000.25;
  const expected = [
    versionEvent(wall),
    scalarEvent(wall, 3, 'loss/train', 2),
    scalarEvent(wall, 3, 'learning_rate', 0.5),
    scalarEvent(wall, 3, 'grad_norm', 4),
    scalarEvent(wall, 3, 'loss/eval', 1.25),
  ];
  assert.equal(hex(readFileSync(join(folder, name!))), expected.map((event) => hex(record(event))).join(''));
});
