import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { modelConfig, sampleTokenizer, tokenizerConfig, tokenizerTexts } from './modelFiles.ts';
import { byteAlphabet, encoderOf, tokenizerJson, trainBytePairs } from './tokenizer.ts';

const trained = sampleTokenizer();
const encode = encoderOf(trained);
const reference = new Tokenizer(tokenizerJson(trained), tokenizerConfig);

test('the most frequent pair is merged first, and a tie goes to the first in code-unit order', () => {
  const { merges, tokens } = trainBytePairs(['abab abab', 'cd cd'], 256 + 3, []);
  assert.deepEqual(merges, [
    ['a', 'b'],
    ['ab', 'ab'],
    ['c', 'd'],
  ]);
  assert.deepEqual(tokens.slice(256), ['ab', 'abab', 'cd']);
});

test('merges never cross the border of a word', () => {
  assert.ok(trained.merges.every(([left, right]) => !(left + right).slice(1).includes('Ġ')));
});

test('training needs texts with enough pairs', () => {
  assert.throws(() => trainBytePairs(['ab'], 300, []), /pairs for 257 tokens only/);
});

test('ids are the special tokens, the bytes, and one for each merge of two earlier tokens', () => {
  const { tokens, special, merges } = trained;
  assert.equal(tokens.length, modelConfig.vocab_size);
  assert.equal(new Set(tokens).size, tokens.length);
  assert.deepEqual(tokens.slice(0, 2), ['<|pad|>', '<|endoftext|>']);
  assert.deepEqual(tokens.slice(2, 258), byteAlphabet);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  merges.forEach(([left, right], i) => {
    const id = special.length + 256 + i;
    assert.equal(tokens[id], left + right);
    assert.ok((ids.get(left) ?? id) < id && (ids.get(right) ?? id) < id, `merge ${left} ${right} uses later tokens`);
  });
});

test('Hugging Face gives the same ids for the documents, and the text back', () => {
  for (const text of tokenizerTexts().slice(0, 1000)) {
    const ids = encode(text);
    assert.deepEqual(reference.encode(text).ids, ids);
    assert.equal(reference.decode(ids), text);
  }
});

test('Hugging Face gives the same ids for any text, and the text back', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r', ' ', "'", 's', 'é', '日', '🎉', '1', '_'), minLength: 1 }),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      const ids = encode(text);
      assert.deepEqual(reference.encode(text).ids, ids);
      assert.equal(reference.decode(ids), text);
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('the end of a document is one token wherever it stands', () => {
  assert.deepEqual(reference.encode('<|endoftext|>').ids, [modelConfig.eos_token_id]);
  assert.equal(reference.encode('a<|endoftext|>b').ids[1], modelConfig.eos_token_id);
});
