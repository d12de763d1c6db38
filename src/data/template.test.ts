import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SoftpromptError } from '../foundation/errors.ts';
import { rowValues } from './dataRow.ts';
import { columns, parseTemplate, render } from './template.ts';

const values = rowValues(
  Object.entries({
    text: 'a {{label}} b',
    label: 3,
    ok: false,
    big: 2n ** 60n,
    none: null,
    list: [1],
    meta: { lang: 'en', deep: { x: 0.5 } },
    'meta.lang': 'dotted',
    'two words': 'w',
  }),
);
const filled = (source: string) => render(parseTemplate(source), values);

test('fills columns in, in order, and never a second time', () => {
  assert.equal(filled('Review: {{text}}\nLabel: {{ label }}{{ok}}'), 'Review: a {{label}} b\nLabel: 3false');
  assert.equal(filled('{{big}} {{two words}}'), '1152921504606846976 w');
});

test('reads inside objects; a column of the whole name comes first', () => {
  assert.equal(filled('{{meta.deep.x}}'), '0.5');
  assert.equal(filled('{{meta.lang}}'), 'dotted');
});

test('text without columns stays as it is, single braces too', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!text.includes('{{'));
      assert.equal(filled(text), text);
    }),
  );
  assert.equal(filled('{"a":{"b":{{label}}}}'), '{"a":{"b":3}}');
});

test('writes two braces for four', () => {
  assert.equal(filled('{{{{text}} {{label}}'), '{{text}} 3');
  assert.deepEqual(columns(parseTemplate('{{{{text}}')), []);
});

test('lists each column once, in order', () => {
  assert.deepEqual(columns(parseTemplate('{{b}}{{a}} {{b}}{{a.c}}')), ['b', 'a', 'a.c']);
});

test('refuses a template that is not closed or names nothing, and says where', () => {
  for (const [source, position] of [
    ['ab {{text', 3],
    ['{{}}', 0],
    ['x{{  }}', 1],
    ['{{a {{b}}', 0],
    ['{{a\nb}}', 0],
  ] as const) {
    assert.throws(
      () => parseTemplate(source),
      (error) => SoftpromptError.is(error, 'template-invalid') && error.details.position === position,
    );
  }
});

test('names the columns that exist when one is missing', () => {
  for (const column of ['txt', 'meta.none', 'constructor', 'text.length', 'list.length.x', '__proto__']) {
    assert.throws(
      () => render(parseTemplate(`{{${column}}}`), values, { file: 'rows.jsonl', line: 7 }),
      (error) => {
        assert.ok(SoftpromptError.is(error, 'template-column'), column);
        assert.match(error.message, /rows\.jsonl, line 7: .*Columns of the row: text, label, ok/);
        assert.ok(error.message.includes(JSON.stringify(column)));
        return true;
      },
    );
  }
});

test('refuses null, lists and objects, which have no one way to be text', () => {
  for (const [column, problem] of [
    ['none', /is null/],
    ['list', /is a list/],
    ['meta', /is an object/],
  ] as const) {
    assert.throws(() => filled(`{{${column}}}`), problem);
  }
});
