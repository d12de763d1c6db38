import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../foundation/random.ts';
import { commonTexts, conflicts } from './duplicates.ts';

const placed = (texts: readonly string[]) => texts.map((text, i) => ({ text, line: i + 1 }));

test('a leaked row is found, whatever its case and spaces, and one that is nearly it', () => {
  const train = placed([
    'The quick brown fox jumps over the lazy dog near the river bank.',
    'Please refund my order, the parcel never arrived at my address.',
    'short',
  ]);
  const held = placed([
    'Something else altogether, of which nothing was ever seen before.',
    '  please REFUND my order,   the parcel never arrived at my address. ',
    'The quick brown fox jumped over the lazy dog near the river bank.',
    'SHORT',
    'Please send an invoice for my order, the parcel is at my address.',
  ]);
  const found = commonTexts(train, held);
  assert.deepEqual(
    found.map(({ line, other }) => [line, other]),
    [
      [2, 2],
      [1, 3],
      [3, 4],
    ],
  );
  assert.equal(found[0]!.similarity, 1);
  assert.ok(found[1]!.similarity >= 0.8 && found[1]!.similarity < 1);
});

test('what is found is what comparing every pair finds', () => {
  const random = Random.of(1, 'duplicates');
  const words = Array.from({ length: 40 }, (_, i) => `word${String.fromCharCode(97 + (i % 26))}${i}`);
  const sentence = () => Array.from({ length: 14 }, () => words[random.integer(words.length)]).join(' ');
  const train = placed(Array.from({ length: 120 }, sentence));
  const held = placed(
    train.map(({ text }, i) =>
      i % 3 === 0 ? text.replace(/word\w+/, 'other') : i % 3 === 1 ? `${text} more` : sentence(),
    ),
  );
  const found = new Set(commonTexts(train, held).map(({ other }) => other));
  const missed = held.filter(({ line }) => {
    // One text at a time has no bands to share: everything that shares one band with itself is compared.
    const alone = train.flatMap((text) => commonTexts([text], [held[line - 1]!]));
    return alone.length > 0 !== found.has(line);
  });
  assert.deepEqual(missed, []);
  assert.ok(found.size > 60);
});

test('a planted mislabel is found: the same question with another answer', () => {
  const rows = [
    { text: 'Add a login page', line: 1, target: 'feat' },
    { text: 'Fix the typo', line: 2, target: 'docs' },
    { text: 'add a  login page', line: 3, target: 'fix' },
    { text: 'Fix the typo', line: 4, target: 'docs' },
  ];
  assert.deepEqual(conflicts(rows), [{ line: 1, other: 3, similarity: 1 }]);
});

test('texts that are mostly the same words are compared in seconds too', () => {
  const random = Random.of(3, 'boilerplate');
  const words = () => Array.from({ length: 4 }, () => `w${random.integer(5000)}`).join(' ');
  const same =
    'Read the following message of a customer with care and then say in one word which of our departments it is for: ';
  const train = placed(Array.from({ length: 4000 }, () => same + words()));
  const began = performance.now();
  commonTexts(train, placed(Array.from({ length: 400 }, () => same + words())));
  const seconds = (performance.now() - began) / 1000;
  assert.ok(seconds < 12, `${seconds} s`);
});

test('twenty thousand rows take seconds', () => {
  const random = Random.of(2, 'many');
  const text = (i: number) => `Row ${i} asks about ${random.integer(1e9)} and ${random.integer(1e9)}`;
  const train = placed(Array.from({ length: 20_000 }, (_, i) => text(i)));
  const began = performance.now();
  commonTexts(train, train.slice(0, 2000));
  const seconds = (performance.now() - began) / 1000;
  // Some 3 on a busy machine; comparing every pair would take minutes.
  assert.ok(seconds < 12, `${seconds} s`);
});
