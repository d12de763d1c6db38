import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExperiment } from './experimentFile.ts';
import { heldOut } from './heldOut.ts';

const experiment = (more: string) =>
  parseExperiment(
    `model: m\ndata: {train: t.jsonl, validation_split: 0.25}\nmethod: {peft_type: FULL}\n${more}`,
    '/w/a.tune.yaml',
  ).loaded!.experiment;

test('the same rows are set aside whether answers are told apart by their words or by their tokens', () => {
  const words = Array.from({ length: 40 }, (_, i) => (i % 5 === 0 ? 'spam' : 'ham'));
  const tokens = words.map((word) => (word === 'spam' ? '17,2' : '9,4,2'));
  const labelled = experiment('labels: [ham, spam]\n');
  const split = heldOut(labelled, words);
  assert.deepEqual(heldOut(labelled, tokens), split);
  assert.equal(split.validation.filter((i) => words[i] === 'spam').length, 2);
  // Without labels what is expected does not count.
  assert.deepEqual(heldOut(experiment(''), words), heldOut(experiment(''), tokens.toReversed()));
});
