import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readRows } from '../../src/data/rows.ts';
import { SoftpromptError } from '../../src/foundation/errors.ts';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hostile-rows-'));
});
after(() => rm(dir, { recursive: true }));

interface Hostile {
  readonly why: string;
  readonly name: string;
  readonly content: string | Buffer;
  /** The line the error names; none when it is the file as a whole. */
  readonly line?: number;
  readonly problem: RegExp;
}

const files: readonly Hostile[] = [
  { why: 'cut off in the last line', name: 'a.jsonl', content: '{"a":1}\n{"a":', line: 2, problem: /valid JSON/ },
  { why: 'a pretty-printed array', name: 'a.jsonl', content: '[\n{"a":1}\n]', line: 1, problem: /valid JSON/ },
  { why: 'an array a line', name: 'a.jsonl', content: '{}\n\n[1]', line: 3, problem: /not a JSON object/ },
  { why: 'null', name: 'a.jsonl', content: 'null', line: 1, problem: /not a JSON object/ },
  { why: 'two objects on a line', name: 'a.jsonl', content: '{}{}', line: 1, problem: /valid JSON/ },
  { why: 'very deep', name: 'a.jsonl', content: '['.repeat(200_000), line: 1, problem: /valid JSON/ },
  { why: 'nothing at all', name: 'a.jsonl', content: '', problem: /no rows/ },
  { why: 'blank lines only', name: 'a.txt', content: '\n \r\n\t\n', problem: /no rows/ },
  { why: 'Latin-1', name: 'a.txt', content: Buffer.from('ok\ncaf\xe9\n', 'latin1'), line: 2, problem: /not UTF-8/ },
  { why: 'UTF-16', name: 'a.csv', content: Buffer.from('\ufeffa,b\n1,2', 'utf16le'), line: 1, problem: /not UTF-8/ },
  { why: 'NUL bytes', name: 'a.jsonl', content: '{"a":1}\n\0\0', line: 2, problem: /not UTF-8/ },
  {
    why: 'an encoded surrogate',
    name: 'a.txt',
    content: Buffer.from('a\n\xed\xa0\x80', 'latin1'),
    line: 2,
    problem: /UTF-8/,
  },
  { why: 'a quote that never ends', name: 'a.csv', content: 'a,b\n1,2\n3,"4\n5,6\n', line: 3, problem: /[Qq]uote/ },
  { why: 'a quote inside a field', name: 'a.csv', content: 'a,b\n\n1,x"y"\n', line: 3, problem: /[Qq]uote/ },
  { why: 'text after a quote', name: 'a.tsv', content: 'a\tb\n"1"x\t2', line: 2, problem: /[Qq]uote/ },
  {
    why: 'too few fields',
    name: 'a.csv',
    content: 'a,b\n"1\r\n1",2\r\n3\n',
    line: 4,
    problem: /1 fields .* 2 columns/,
  },
  { why: 'too many fields', name: 'a.csv', content: 'a,b\n1,2,3\n', line: 2, problem: /3 fields .* 2 columns/ },
  { why: 'a column twice', name: 'a.csv', content: 'a,b,a\n1,2,3\n', line: 1, problem: /"a" twice/ },
  { why: 'columns only', name: 'a.csv', content: 'a,b\n', problem: /no rows/ },
  { why: 'no parquet', name: 'a.parquet', content: 'PAR1 or not', problem: /parquet/ },
  { why: 'an empty parquet file', name: 'a.parquet', content: '', problem: /parquet/ },
  { why: 'another format', name: 'a.xlsx', content: 'x', problem: /does not end in a format/ },
  { why: 'a name like a property', name: 'a.constructor', content: 'x', problem: /does not end in a format/ },
];

const refuses =
  ({ line, problem }: Pick<Hostile, 'line' | 'problem'>, file: string) =>
  (error: unknown) => {
    assert.ok(SoftpromptError.is(error, 'data-invalid'), String(error));
    assert.equal(error.details.file, file);
    assert.equal(error.details.line, line);
    assert.match(error.message, problem);
    return true;
  };

for (const hostile of files) {
  test(`${hostile.name}: ${hostile.why}`, async () => {
    const file = join(dir, hostile.name);
    await writeFile(file, hostile.content);
    await assert.rejects(readRows(file), refuses(hostile, file));
  });
}

test('a.parquet: cut off or damaged anywhere, it is read or refused, never anything else', async () => {
  const whole = readFileSync(join(import.meta.dirname, '../golden/parquet/rows.snappy.parquet'));
  const file = join(dir, 'a.parquet');
  for (let i = 0; i < whole.length; i += 37) {
    const damaged = Buffer.from(whole);
    damaged[i] = (damaged[i] as number) ^ 0xff;
    for (const content of [whole.subarray(0, i), damaged]) {
      await writeFile(file, content);
      await readRows(file).catch(refuses({ problem: /./ }, file));
    }
  }
});

test('a missing file and a folder are named', async () => {
  await assert.rejects(readRows(join(dir, 'none.jsonl')), (error) => SoftpromptError.is(error, 'file-missing'));
  await mkdir(join(dir, 'folder.jsonl'));
  await assert.rejects(readRows(join(dir, 'folder.jsonl')), (error) => SoftpromptError.is(error, 'file-unreadable'));
});
