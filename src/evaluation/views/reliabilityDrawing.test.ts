import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../foundation/random.ts';
import { calibrationError, reliability } from '../metrics/calibration.ts';
import { scoreOf } from '../metrics/rowSums.ts';
import { binnedError, reliabilityDrawing } from './reliabilityDrawing.ts';

test('the error of the bins is the calibration error of their rows', () => {
  const random = Random.of(3, 'reliability');
  const rows = Array.from({ length: 200 }, () => {
    const probability = random.uniform();
    const correct = random.uniform() < probability;
    return { expected: 'a', answer: { text: 'a', correct, probability, target_loss: 0, target_tokens: 1 } };
  });
  assert.ok(Math.abs(binnedError(reliability(rows)!) - scoreOf(calibrationError(rows)!)!) < 1e-12);
});

test('a bin stands at its mean confidence and as high as it is right; each is told in words', () => {
  const bins = [
    { from: 0.4, to: 0.6, rows: 3, confidence: 0.5, accuracy: 1 },
    { from: 0.8, to: 1, rows: 1, confidence: 0.9, accuracy: 0 },
  ];
  const { shapes, words } = reliabilityDrawing('a', bins);
  const points = shapes.filter(({ tag }) => tag === 'circle').map(({ attributes: { cx, cy } }) => [cx, cy]);
  assert.deepEqual(points, [
    [144, 10],
    [224, 210],
  ]);
  const counts = shapes
    .filter(({ attributes }) => attributes.class === 'count')
    .map(({ attributes }) => attributes.height);
  assert.deepEqual(counts, [36, 12]);
  assert.match(
    words,
    /confidence 0\.500: accuracy 1\.000 \(3 rows\); confidence 0\.900: accuracy 0\.000 \(1 row\)\. .*0\.600\.$/,
  );
});
