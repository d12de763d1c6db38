import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExperiment } from '../experiments/experimentFile.ts';
import { columnsOf, experimentText, guessColumns } from './experimentTemplate.ts';

test('a new experiment is a valid experiment, whatever its paths and columns are called', () => {
  const ideas = [
    { model: 'models/tiny', data: 'data/commits.jsonl', columns: ['text', 'label'] },
    { model: '../my "best": model #1', data: "o'clock.csv", columns: ['a b', 'c: d'] },
    { model: 'm', data: 'd.jsonl', columns: ['text'] },
  ];
  for (const idea of ideas) {
    const { loaded, problems } = parseExperiment(experimentText(idea), '/w/new.tune.yaml');
    assert.deepEqual(problems, []);
    assert.equal(loaded?.effective.model, idea.model);
    assert.equal(loaded?.effective.data.train, idea.data);
    assert.equal(loaded?.effective.template?.input, `{{${guessColumns(idea.columns).input}}}\n`);
  }
});

test('the wanted answer is found by its name, else it is the last column', () => {
  assert.deepEqual(guessColumns(['label', 'text']), { input: 'text', target: 'label' });
  assert.deepEqual(guessColumns(['question', 'reply']), { input: 'question', target: 'reply' });
});

test('columns come from a header or from the keys of the first row; a row that is none has no columns', () => {
  assert.deepEqual(columnsOf('"text",label', '.csv'), ['text', 'label']);
  assert.deepEqual(columnsOf('text\tlabel', '.tsv'), ['text', 'label']);
  assert.deepEqual(columnsOf('{"text":"a","label":"b"}', '.jsonl'), ['text', 'label']);
  assert.deepEqual(columnsOf('{"text":', '.jsonl'), []);
  assert.deepEqual(columnsOf('7', '.jsonl'), []);
});
