import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tinyModels } from '../../test/golden/reference.ts';
import { openTokenizer } from '../checkpoint/tokenizer.ts';
import { readExperiment } from './experimentFile.ts';
import { previewExperiment, previewLines } from './previewExperiment.ts';

const sample = join(import.meta.dirname, '../../samples/models/tiny');
const dir = await mkdtemp(join(tmpdir(), 'rows-preview-'));
after(() => rm(dir, { recursive: true }));

/** The preview of an experiment on these rows. */
async function previewed(model: string, rows: readonly object[], more: string, count = 3) {
  await writeFile(join(dir, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const file = join(dir, 'a.tune.yaml');
  const method = 'method: {peft_type: PROMPT_TUNING, num_virtual_tokens: 8}';
  await writeFile(file, `model: ${model}\n${method}\ndata: {train: rows.jsonl}\n${more}`);
  return previewExperiment((await readExperiment(file)).experiment, count);
}

const template = 'template: {input: "Q: {{q}}\\nA:", target: " {{a}}"}\n';

test('a row is shown as its tokens, each as what it adds to the text, the supervised ones apart', async () => {
  const tokenizer = await openTokenizer(sample);
  const rows = [
    { q: 'Wie heißt die Bäckerei? 🥐', a: 'Brot' },
    { q: 'When', a: 'now' },
  ];
  const { rows: found } = await previewed(sample, rows, template, 1);
  assert.equal(found.train_rows, 2);
  assert.deepEqual(
    found.rows.map(({ line, parts }) => [line, parts.map(({ supervised }) => supervised)]),
    [[1, [false, true]]],
  );
  const [reads, learns] = found.rows[0]!.parts;
  const ids = [...reads!.tokens, ...learns!.tokens].map(({ id }) => id);
  const text = 'Q: Wie heißt die Bäckerei? 🥐\nA: Brot';
  assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), text);
  assert.equal(learns!.tokens.map((token) => token.text).join(''), ' Brot<|endoftext|>');
  // A character of several tokens has no text before it is whole.
  const whole = reads!.tokens.map((token) => token.text).filter((each) => !/^<\d+>$/.test(each));
  let at = 0;
  for (const piece of whole) {
    assert.ok(text.indexOf(piece, at) >= at, piece);
    at = text.indexOf(piece, at) + piece.length;
  }
});

test('tokenised rows show their ids where there is no tokenizer, and each stretch that is supervised', async () => {
  const row = { input_ids: [5, 6, 7, 8, 9], labels: [-100, 6, -100, -100, 9] };
  const preview = await previewed(tinyModels.gpt2, [row], '');
  const lines = previewLines(preview).join('\n');
  assert.match(
    lines,
    /rows\.jsonl:1 \(5 tokens, 2 supervised\)\n {2}reads {3}5\n {2}learns {2}6\n {2}reads {3}7│8\n {2}learns {2}9/,
  );
});

test('rows that are too long are counted and named, and a split is made before they are left out', async () => {
  const long = { q: 'word '.repeat(2000), a: 'x' };
  const rows = Array.from({ length: 10 }, (_, i) => (i === 3 ? long : { q: `Number ${i}`, a: 'x' }));
  const { rows: found, data } = await previewed(sample, rows, template);
  assert.deepEqual([found.train_rows, found.left_out.map(({ line }) => line)], [9, [4]]);
  assert.match(
    previewLines({
      method: { modules: [], unmatched: [], trainableParameters: 1, totalParameters: 1 },
      rows: found,
      data,
    }).join('\n'),
    /Warning: 1 row\(s\) are longer .* left out: rows\.jsonl:4 \(\d+ tokens\)\./,
  );

  // Whether a row fits must not change which rows are set aside: lines of both previews agree but for the one that is left out.
  const set = 'data: {train: rows.jsonl, validation_split: 0.3}\n';
  const lines = async (each: readonly object[]) => {
    await writeFile(join(dir, 'rows.jsonl'), each.map((row) => JSON.stringify(row)).join('\n'));
    await writeFile(
      join(dir, 'b.tune.yaml'),
      `model: ${sample}\nmethod: {peft_type: PROMPT_TUNING}\n${set}${template}`,
    );
    const preview = await previewExperiment((await readExperiment(join(dir, 'b.tune.yaml'))).experiment, 10);
    return preview.rows.rows.map(({ line }) => line);
  };
  const fitting = await lines(rows.with(3, { q: 'Number 3', a: 'x' }));
  assert.deepEqual(
    await lines(rows),
    fitting.filter((line) => line !== 4),
  );
});
