import assert from 'node:assert/strict';
import { test } from 'node:test';
import { biasTensors, causalBias, unseen } from './attentionBias.ts';

/** Which keys each query sees: 1 where the bias is 0. */
function seen(time: number, past: number, window: number): readonly string[] {
  const { data, dims } = causalBias(time, past, window);
  assert.deepEqual(dims, [1, 1, time, past + time]);
  return Array.from({ length: time }, (_, t) =>
    Array.from({ length: past + time }, (_, s) => {
      const x = Number(data[t * (past + time) + s]);
      assert.ok(x === 0 || x === unseen);
      return x === 0 ? '1' : '0';
    }).join(''),
  );
}

test('without a window every position sees itself and all before it', () => {
  assert.deepEqual(seen(3, 0, Number.POSITIVE_INFINITY), ['100', '110', '111']);
  assert.deepEqual(seen(2, 3, Number.POSITIVE_INFINITY), ['11110', '11111']);
  assert.deepEqual(seen(3, 0, 3), ['100', '110', '111']);
});

test('a window of n holds n keys, the own one among them, and runs over into the past', () => {
  assert.deepEqual(seen(4, 0, 2), ['1000', '1100', '0110', '0011']);
  assert.deepEqual(seen(3, 2, 3), ['11100', '01110', '00111']);
  assert.deepEqual(seen(3, 1, 1), ['0100', '0010', '0001']);
});

test('layers of one window share an input', () => {
  const sizes = { vocabulary: 1, hidden: 1, layers: 4, heads: 1, kvHeads: 1, headDim: 1, maxPositions: 1 };
  const names = (windows?: readonly number[]) =>
    biasTensors(windows === undefined ? sizes : { ...sizes, windows }, 'bias', (window) =>
      causalBias(1, 0, window),
    ).map(([name]) => name);
  assert.deepEqual(names(), ['bias']);
  assert.deepEqual(names([5, Number.POSITIVE_INFINITY, 5, 7]), ['bias.5', 'bias', 'bias.7']);
});
