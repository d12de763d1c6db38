import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExperiment } from './experimentFile.ts';
import { heldOut } from './heldOut.ts';

const experiment = (more: string) =>
  parseExperiment(
    `model: m\ndata: {train: t.jsonl, validation_split: 0.25}\nmethod: {peft_type: FULL}\n${more}`,
    '/w/a.tune.yaml',
  ).loaded!.experiment;

test('with labels each has its share of the rows that are set aside, without them what is expected does not count', () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({ target: i % 5 === 0 ? 'spam' : 'ham' }));
  const split = heldOut(experiment('labels: [ham, spam]\n'), rows);
  assert.equal(split.validation.filter((i) => rows[i]!.target === 'spam').length, 2);
  assert.deepEqual(heldOut(experiment(''), rows), heldOut(experiment(''), rows.toReversed()));
});
