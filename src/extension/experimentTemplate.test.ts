import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExperiment } from '../experiments/experimentFile.ts';
import { columnsOf, experimentText, guessColumns, rowsOf } from './experimentTemplate.ts';

test('a new experiment is a valid experiment, whatever its paths and columns are called', () => {
  const ideas = [
    { model: 'models/tiny', data: rowsOf('data/commits.jsonl', []), columns: ['text', 'label'] },
    {
      model: '../my "best": model #1',
      data: rowsOf("o'clock.train.csv", ["o'clock.test.csv"]),
      columns: ['a b', 'c: d'],
    },
    { model: 'm', data: rowsOf('d.jsonl', []), columns: ['text'] },
  ];
  for (const idea of ideas) {
    const { loaded, problems } = parseExperiment(experimentText(idea), '/w/new.tune.yaml');
    assert.deepEqual(problems, []);
    assert.equal(loaded?.effective.model, idea.model);
    assert.equal(loaded?.effective.data.train, idea.data.train);
    assert.equal(loaded?.effective.data.test ?? null, idea.data.test);
    assert.equal(loaded?.effective.template?.input, `{{${guessColumns(idea.columns).input}}}\n`);
  }
});

test('rows of a well-known form get no template, which would win over it', () => {
  for (const columns of [['id', 'messages'], ['conversations'], ['instruction', 'input', 'output']]) {
    const text = experimentText({ model: 'm', data: rowsOf('d.jsonl', []), columns });
    const { loaded, problems } = parseExperiment(text, '/w/new.tune.yaml');
    assert.deepEqual(problems, []);
    assert.equal(loaded?.effective.template, undefined);
    assert.deepEqual(loaded?.effective.evaluation.baselines, {});
    assert.match(text, /^# No template: rows are /m);
  }
});

test('validation and test rows are the neighbours of the training rows', () => {
  const files = ['/train/a.train.jsonl', '/train/a.val.jsonl', '/train/a.test.jsonl', '/val/a.val.jsonl'];
  assert.deepEqual(rowsOf('/train/a.train.jsonl', files), {
    train: '/train/a.train.jsonl',
    validation: '/train/a.val.jsonl',
    test: '/train/a.test.jsonl',
  });
  assert.deepEqual(rowsOf('/train/b.jsonl', files), { train: '/train/b.jsonl', validation: null, test: null });
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
