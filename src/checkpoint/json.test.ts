import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEntries, JsonSyntaxError, parseJson, plainJson, pythonJson } from './json.ts';

test('gives the values JSON.parse gives', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(3), (text, indent) => {
      const laidOut = JSON.stringify(JSON.parse(text), null, indent);
      fc.pre(laidOut.isWellFormed() && !/\\ud[89a-f]/i.test(laidOut));
      assert.equal(JSON.stringify(plainJson(parseJson(laidOut))), JSON.stringify(JSON.parse(laidOut)));
    }),
  );
});

test('refuses what JSON.parse refuses', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\ntrue0.1eE+- /x') }), (text) => {
      let parsed: unknown;
      try {
        parsed = JSON.parse(text);
      } catch {
        assert.throws(() => parseJson(text), JsonSyntaxError);
        return;
      }
      assert.equal(JSON.stringify(plainJson(parseJson(text))), JSON.stringify(parsed));
    }),
    { numRuns: 2000 },
  );
});

test('tells integers from floats and keeps them exact', () => {
  assert.deepEqual(parseJson('[18446744073709551615, -1, 1.0, 1e2, -0]'), [18446744073709551615n, -1n, 1, 100, -0]);
});

test('keeps repeated keys as entries; the last counts as a value', () => {
  const node = parseJson('{"a":1,"\\u0061":2}');
  assert.ok(isEntries(node));
  assert.deepEqual(node.entries, [
    ['a', 1n],
    ['a', 2n],
  ]);
  assert.deepEqual({ ...(plainJson(node) as object) }, { a: 2 });
});

test('takes __proto__ for an ordinary key', () => {
  const value = plainJson(parseJson('{"__proto__":{"polluted":true}}')) as Record<string, unknown>;
  assert.equal(Object.getPrototypeOf(value), null);
  assert.deepEqual(Object.keys(value), ['__proto__']);
});

test('takes 127 levels of nesting and no more', () => {
  assert.ok(parseJson('['.repeat(127) + ']'.repeat(127)));
  assert.throws(() => parseJson('['.repeat(128) + ']'.repeat(128)), /127 levels/);
  assert.throws(() => parseJson('['.repeat(1_000_000)), /127 levels/);
});

test("takes Python's literals only when asked to", () => {
  assert.deepEqual(parseJson('[NaN,Infinity,-Infinity]', { python: true }), [Number.NaN, Infinity, -Infinity]);
  for (const text of ['NaN', 'Infinity', '-Infinity']) assert.throws(() => parseJson(text), JsonSyntaxError);
});

test('refuses half a surrogate pair', () => {
  assert.throws(() => parseJson('"\\ud800"'), /surrogate/);
  assert.equal(parseJson('"\\ud83d\\ude00"'), '😀');
});

test('says where the text is wrong', () => {
  assert.throws(
    () => parseJson('{\n  "a": 1,\n}'),
    (error) => error instanceof JsonSyntaxError && error.line === 3 && error.column === 1,
  );
});

test('writes what Python writes: sorted keys, two spaces, NaN as it is', () => {
  assert.equal(
    pythonJson({ b: [1, 'ü', []], a: { z: null, y: Number.NaN }, c: {} }),
    '{\n  "a": {\n    "y": NaN,\n    "z": null\n  },\n  "b": [\n    1,\n    "ü",\n    []\n  ],\n  "c": {}\n}',
  );
});

test('writes floats as floats where Python tells them from whole numbers', () => {
  const floats = new Set(['scaling']);
  const written = pythonJson({ a: { scaling: 4 }, r: 8, scaling: 0.5 }, floats);
  assert.equal(written, '{\n  "a": {\n    "scaling": 4.0\n  },\n  "r": 8,\n  "scaling": 0.5\n}');
});
