import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ArmResult } from '../result.ts';
import { costScale } from './costScale.ts';
import { placeLabels } from './labelPlaces.ts';
import { chartChoices, costAxes, scoreAgainstCost, scoreWords } from './scoreAgainstCost.ts';
import { scoreDrawing } from './scoreDrawing.ts';

const arm = (name: string, kind: ArmResult['kind'], accuracy: number | null, bytes: number): ArmResult => ({
  ...{ name, kind, detail: null, metrics: { accuracy, perplexity: accuracy === null ? null : 10 - 5 * accuracy } },
  ...{ confusion: null, wins: 0, losses: 0, seconds: 1, trainable_parameters: bytes / 4, bytes },
});
const arms = [
  arm('base', 'base', 0.1, 0),
  arm('asked', 'hard_prompt', 0.4, 0),
  arm('small', 'adapter', 0.8, 4096),
  arm('large', 'adapter', 0.9, 409_600),
  arm('waste', 'adapter', 0.7, 409_600),
  arm('failed', 'adapter', null, 4096),
];
const front = (of: ReturnType<typeof scoreAgainstCost>): string[] =>
  of.arms.filter((each) => each.front).map(({ name }) => name);

test('the front goes by the metric’s own direction, and arms without a score are left out', () => {
  const more = scoreAgainstCost({ arms }, 'accuracy', 'bytes');
  assert.deepEqual(front(more), ['asked', 'small', 'large']);
  assert.equal(more.arms.length, 5);
  assert.deepEqual(front(scoreAgainstCost({ arms }, 'perplexity', 'bytes')), ['asked', 'small', 'large']);
  assert.deepEqual(
    front(scoreAgainstCost({ arms }, 'accuracy', 'seconds')),
    ['large'],
    'where all cost the same, the best',
  );
  assert.match(
    scoreWords(more),
    /^Accuracy \(more is better\) against size on disk\. On the front: asked 0\.400 at 0, small 0\.800 at 4\.0 KB, large .* Behind it: base 0\.100 at 0, waste/,
  );
});

test('only what tells arms apart can be chosen', () => {
  const metrics = ['accuracy', 'perplexity', 'bleu'] as const;
  assert.deepEqual(chartChoices({ arms, metrics }), {
    metrics: ['accuracy', 'perplexity'],
    axes: ['bytes', 'parameters'],
  });
  assert.deepEqual(chartChoices({ arms: [arms[0]!], metrics }), { metrics: [], axes: [] });
});

test('costs far apart stand on a logarithmic scale, those of nothing before it; others on a plain one', () => {
  const far = costScale([0, 4096, 409_600], costAxes.bytes.unit, 50, 500);
  const [zero, small, large] = [0, 4096, 409_600].map(far.place) as [number, number, number];
  assert.ok(50 < zero && zero < small && small < large && large < 500, `${[zero, small, large]}`);
  assert.equal(Math.round(far.place(40_960)), Math.round((small + large) / 2));
  assert.deepEqual(far.ticks, [0, 10 * 1024, 30 * 1024, 100 * 1024, 300 * 1024]);
  const wide = costScale([5000, 5e7], costAxes.bytes.unit, 50, 500).ticks;
  assert.deepEqual(wide.map(costAxes.bytes.text), ['10 KB', '100 KB', '1.0 MB', '10.0 MB']);
  const near = costScale([4.1, 4.4], () => 1, 50, 500);
  assert.ok(near.place(4.1) >= 50 && near.place(4.4) <= 500);
  assert.ok(near.ticks[0]! > 3.9, 'an axis of near values does not begin at 0');
  for (const same of [[0], [5, 5]]) assert.ok(Number.isFinite(costScale(same, () => 1, 0, 100).place(same[0]!)));
});

test('labels of points that lie together do not lie over each other, and stay in the frame', () => {
  const frame = { left: 0, right: 300, top: 0, bottom: 200 };
  const points = [0, 4, 8].map((dy) => ({ x: 290, y: 100 + dy, text: 'an adapter' }));
  const places = placeLabels(points, frame, []);
  assert.ok(places.every(({ x, anchor }) => anchor !== 'start' && x <= 300));
  for (const [i, one] of places.entries()) {
    for (const other of places.slice(0, i)) {
      assert.ok(one.y !== other.y || one.anchor !== other.anchor, JSON.stringify(places));
    }
  }
});

test('the drawing joins the front step by step to the edge, and nothing of it is without a place', () => {
  const { shapes, words } = scoreDrawing(scoreAgainstCost({ arms }, 'accuracy', 'bytes'), 400, 300);
  assert.match(words, /On the front: asked/);
  const line = shapes.find(({ attributes }) => attributes.class === 'front')!.attributes.d;
  assert.match(String(line), /^M[\d.]+ [\d.]+(H[\d.]+V[\d.]+){2}H388$/);
  assert.equal(shapes.filter(({ attributes }) => String(attributes.class).startsWith('arm')).length, 5);
  assert.doesNotMatch(JSON.stringify(shapes), /NaN|Infinity|null/);
  const one = scoreDrawing(scoreAgainstCost({ arms: [arms[0]!] }, 'accuracy', 'seconds'), 400, 300);
  assert.doesNotMatch(JSON.stringify(one), /NaN|Infinity|null/);
});
