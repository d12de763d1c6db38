import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as zlib from 'node:zlib';
import { readRows } from './rows.ts';

const golden = join(import.meta.dirname, '../../test/golden/parquet');
let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rows-'));
});
after(() => rm(dir, { recursive: true }));

/** Rows of a file with this name and content: line and values, as plain objects that can be compared. */
async function rows(name: string, content: string): Promise<readonly (readonly [number, object])[]> {
  const file = join(dir, name);
  await writeFile(file, content);
  return (await readRows(file)).map(({ line, values }) => [line, { ...values }]);
}

test('jsonl: an object a line, whatever its columns', async () => {
  const text = '\ufeff{"text":"é😀","n":1.5}\r\n\r\n   \n{"input_ids":[1,2],"labels":null}';
  assert.deepEqual(await rows('a.jsonl', text), [
    [1, { text: 'é😀', n: 1.5 }],
    [4, { input_ids: [1, 2], labels: null }],
  ]);
});

test('json: an array of objects, each with the line it begins on, or an object a line', async () => {
  const text = '\ufeff\n[\n {"a": "]},[\\"", "b": [1, {"c": 2}]},\n {"a": "x"}, {"a":\n"y"},\n\n{}]\n';
  assert.deepEqual(await rows('a.json', text), [
    [3, { a: ']},["', b: [1, { c: 2 }] }],
    [4, { a: 'x' }],
    [4, { a: 'y' }],
    [7, {}],
  ]);
  assert.deepEqual(await rows('b.json', '{"a": 1}\n{"a": 2}'), [
    [1, { a: 1 }],
    [2, { a: 2 }],
  ]);
  await assert.rejects(rows('c.json', '[{"a": 1},\n 3]'), /c\.json, line 2: row 2 is not a JSON object/);
  await assert.rejects(rows('d.json', '[{"a": 1}'), /d\.json: is not valid JSON/);
  await assert.rejects(rows('e.json', '[]'), /e\.json: has no rows/);
});

test('csv: quoted separators, quotes and line ends; lines counted through them', async () => {
  const text = '\ufefftext,label\r\n"a, ""b""\r\nc",1\r\n\r\nplain,"2"\r\n" kept ",';
  assert.deepEqual(await rows('a.CSV', text), [
    [2, { text: 'a, "b"\r\nc', label: '1' }],
    [5, { text: 'plain', label: '2' }],
    [6, { text: ' kept ', label: '' }],
  ]);
});

test('csv: line ends may be mixed', async () => {
  assert.deepEqual(await rows('a.csv', 'a,b\n1,2\r\n3,4\n'), [
    [2, { a: '1', b: '2' }],
    [3, { a: '3', b: '4' }],
  ]);
});

test('tsv: tabs separate, commas do not', async () => {
  assert.deepEqual(await rows('a.tsv', 'a\tb\n1,5\t"x\ty"\n'), [[2, { a: '1,5', b: 'x\ty' }]]);
});

test('txt: a line is a row with the column text; spaces stay', async () => {
  assert.deepEqual(await rows('a.txt', 'one\r\n\n  two  \nthree'), [
    [1, { text: 'one' }],
    [3, { text: '  two  ' }],
    [4, { text: 'three' }],
  ]);
});

test('a column may be called __proto__', async () => {
  for (const [name, text] of [
    ['p.csv', '__proto__,constructor\nx,y'],
    ['p.jsonl', '{"__proto__":"x","constructor":"y"}'],
  ] as const) {
    await writeFile(join(dir, name), text);
    const values = (await readRows(join(dir, name)))[0]?.values;
    assert.ok(values !== undefined);
    assert.deepEqual(Object.entries(values), [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  }
});

for (const compression of ['snappy', 'gzip', 'brotli', 'zstd']) {
  const skip = compression === 'zstd' && !('zstdDecompressSync' in zlib);
  test(`parquet, ${compression}: the rows pyarrow wrote`, { skip }, async () => {
    const read = await readRows(join(golden, `rows.${compression}.parquet`));
    assert.deepEqual(
      read.map(({ line, values }) => [line, Object.entries(values)]),
      [
        { line: 1, text: 'Hello, world', label: 1, score: 0.5, ok: true, ids: [1, 2, 3], big: 9007199254740993n },
        { line: 2, text: 'Grüße 😀\nzwei', label: -2, score: 1e-300, ok: false, ids: [], big: 7 },
        { line: 3, text: null, label: null, score: null, ok: null, ids: null, big: null },
      ].map(({ line, text, label, score, ok, ids, big }) => [
        line,
        [
          ['text', text],
          ['label', label],
          ['score', score],
          ['ok', ok],
          ['input_ids', ids],
          ['big', big],
          ['day', line === 1 ? '2024-01-02T03:04:05.000Z' : null],
          ['meta', [{ lang: 'en' }, { lang: null }, null][line - 1]],
          ['__proto__', ['p', 'q', null][line - 1]],
        ],
      ]),
    );
  });
}
