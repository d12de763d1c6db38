import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { dataLines, reportData } from './dataReport.ts';
import { readExperiment } from './experimentFile.ts';
import { rowTexts } from './rowTexts.ts';

const folder = mkdtempSync(join(tmpdir(), 'data-report-'));
after(() => rmSync(folder, { recursive: true }));

test('columns inside of columns are told apart', async () => {
  const rows = ['one question', 'another question', 'a third'].map((text, i) => ({ q: { text }, kind: String(i) }));
  writeFileSync(join(folder, 'nested.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const file = join(folder, 'nested.tune.yaml');
  writeFileSync(
    file,
    `model: m
data: { train: nested.jsonl }
template: { input: "Q: {{q.text}}", target: "{{kind}}" }
method: { peft_type: LORA }
`,
  );
  assert.deepEqual((await reportData((await readExperiment(file)).experiment, true)).conflicts, []);
});

test('a planted leak and a planted mislabel are found and named, and labels are counted', async () => {
  const rows = Array.from({ length: 12 }, (_, i) => ({
    text: `Message number ${i} about topic ${i * 7} of the day`,
    kind: i % 3 === 0 ? 'spam' : 'ham',
  }));
  const write = (name: string, lines: readonly object[]) =>
    writeFileSync(join(folder, name), lines.map((line) => JSON.stringify(line)).join('\n'));
  write('train.jsonl', [...rows, { text: rows[4]!.text.toUpperCase(), kind: 'spam' }]);
  write('test.jsonl', [
    { text: 'Quite another thing', kind: 'ham' },
    { text: `  ${rows[2]!.text}`, kind: 'ham' },
    { text: rows[9]!.text.replace('day', 'days'), kind: 'spam' },
  ]);
  const file = join(folder, 'a.tune.yaml');
  writeFileSync(
    file,
    `model: m
data: { train: train.jsonl, test: test.jsonl }
template: { input: "{{text}}", target: " {{kind}}" }
method: { peft_type: LORA }
`,
  );
  const { experiment } = await readExperiment(file);
  const report = await reportData(experiment, true);
  assert.deepEqual(
    report.leaks.map(({ pairs }) => pairs.map(({ line, other }) => [line, other])),
    [
      [
        [3, 2],
        [10, 3],
      ],
    ],
  );
  assert.deepEqual(report.conflicts, [{ line: 5, other: 13, similarity: 1 }]);
  assert.deepEqual(report.splits[0]!.balance, [
    ['ham', 8],
    ['spam', 5],
  ]);
  const lines = dataLines(report).join('\n');
  assert.match(lines, /Warning: 2 row\(s\) of test\.jsonl are in train\.jsonl too \(1 the same, 1 nearly\):/);
  assert.match(lines, /test\.jsonl:2 and train\.jsonl:3\n/);
  assert.match(
    lines,
    /1 row\(s\) of train\.jsonl ask the same as an earlier one and expect something else:\n {2}train\.jsonl:13 and train\.jsonl:5/,
  );
  assert.match(lines, /13 train rows: ham 8, spam 5 \(always "ham" would be right 62 %\)/);
  assert.equal((await reportData(experiment, false)).leaks[0]!.pairs.length, 1);
});

test('rows that data.validation_split sets aside and that are training rows too are a leak', async () => {
  const texts = Array.from({ length: 20 }, (_, i) => `Row ${i} says ${i * 37}`);
  const lines = [...texts, ...texts].map((text) => JSON.stringify({ text, kind: 'a' }));
  writeFileSync(join(folder, 'twice.jsonl'), lines.join('\n'));
  const file = join(folder, 'twice.tune.yaml');
  writeFileSync(
    file,
    `model: m
data: { train: twice.jsonl, validation_split: 0.25 }
template: { input: "{{text}}", target: "{{kind}}" }
method: { peft_type: LORA }
`,
  );
  const report = await reportData((await readExperiment(file)).experiment, false);
  assert.deepEqual(
    report.splits.map(({ name, rows }) => [name, rows]),
    [
      ['train', 30],
      ['validation', 10],
    ],
  );
  const { pairs } = report.leaks[0]!;
  for (const { line, other } of pairs) assert.equal(Math.abs(line - other), 20);
  // Of 40 rows in pairs, a row that is set aside leaks unless its twin was set aside with it.
  const held = 10;
  assert.ok(pairs.length > 0 && pairs.length <= held);
  assert.match(
    dataLines(report)[0]!,
    /^Warning: \d+ row\(s\) of twice\.jsonl that data\.validation_split sets aside are among the rest too/,
  );
});

test('whole numbers of 64 bits, and rows whose input_ids are null, are rows like others', async () => {
  const [text, id] = ['a row', 2n ** 60n];
  const rows = [{ values: { id, text, input_ids: null }, line: 1 }];
  assert.deepEqual(rowTexts(rows, 'f', { input: '{{text}}', target: '{{id}}' }), [
    { text, target: String(id), line: 1 },
  ]);
  assert.equal(JSON.parse(rowTexts(rows, 'f', undefined)[0]!.text).id, String(id));
});
