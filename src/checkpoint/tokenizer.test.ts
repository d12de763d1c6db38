import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SoftpromptError } from '../foundation/errors.ts';
import { openTokenizer } from './tokenizer.ts';

const golden = join(import.meta.dirname, '../../test/golden/tokenizers');

interface Case {
  readonly text: string;
  readonly ids: readonly number[];
  readonly ids_no_special: readonly number[];
  readonly decoded: string;
  readonly decoded_skip_special: string;
}

/** Texts for which @huggingface/tokenizers is known to give other ids than the reference, and why. */
const otherIds: Readonly<Record<string, readonly string[]>> = {
  bert: [
    // Ideographs beyond U+FFFF are not set apart, so two of them are one unknown token.
    '\u{20000}\u{2a6d6}',
  ],
  t5: [
    // The normaliser's compiled table makes a space of a zero-width joiner; the reference has no space there.
    'a\u200db',
    'word\u200dword',
    '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466}',
    '\u{1f3f3}\ufe0f\u200d\u{1f308}',
    '\u{1f9d1}\u{1f3fb}\u200d\u{1f4bb} codes',
    // The table takes a letter with all its combining marks together; here the first mark goes with the letter.
    'e\u0301\u0301\u0301\u0301',
    // NEXT LINE is no white space in JavaScript, so what should vanish becomes an unknown token.
    '\u0085',
  ],
};

/** Texts that are decoded otherwise: a byte order mark at the start is taken off with the byte tokens it is made of. */
const otherText = ['\ufeffbom'];

for (const name of ['bert', 'gpt2', 'llama2', 'llama2-hub', 'llama3', 'qwen', 't5']) {
  test(`${name}: ids and texts are the reference's`, async () => {
    const tokenizer = await openTokenizer(join(golden, name));
    const lines = (await readFile(join(golden, name, 'cases.jsonl'), 'utf8')).trim().split('\n');
    const differs = { ids: new Set<string>(), text: new Set<string>() };
    for (const line of lines) {
      const c: Case = JSON.parse(line);
      const ids = tokenizer.encode(c.text, { addSpecialTokens: true });
      const bare = tokenizer.encode(c.text, { addSpecialTokens: false });
      if (`${ids}|${bare}` !== `${c.ids}|${c.ids_no_special}`) differs.ids.add(c.text);
      const decoded = tokenizer.decode(c.ids, { skipSpecialTokens: false });
      const skipped = tokenizer.decode(c.ids, { skipSpecialTokens: true });
      if (decoded !== c.decoded || skipped !== c.decoded_skip_special) differs.text.add(c.text);
    }
    assert.ok(lines.length > 200);
    assert.deepEqual([...differs.ids].sort(), [...(otherIds[name] ?? [])].sort());
    assert.deepEqual([...differs.text], name.startsWith('llama2') ? otherText : []);
  });
}

test('knows the special tokens by name', async () => {
  const tokenizer = await openTokenizer(join(golden, 'llama3'));
  assert.equal(tokenizer.decode([tokenizer.eosTokenId!], { skipSpecialTokens: false }), '<|eot_id|>');
  assert.equal(tokenizer.decode([tokenizer.bosTokenId!], { skipSpecialTokens: false }), '<|begin_of_text|>');
  assert.equal(tokenizer.decode([tokenizer.padTokenId!], { skipSpecialTokens: false }), '<|finetune_right_pad_id|>');
  assert.equal((await openTokenizer(join(golden, 'qwen'))).bosTokenId, null);
});

test("adds the model's own end tokens to the tokenizer's, which stays first", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'tokenizer-'));
  t.after(() => rm(dir, { recursive: true }));
  await cp(join(golden, 'llama3'), dir, { recursive: true });
  await writeFile(join(dir, 'generation_config.json'), '{"eos_token_id": [901, 904, 902]}');
  await writeFile(join(dir, 'config.json'), '{"eos_token_id": 901, "pad_token_id": 3}');
  const tokenizer = await openTokenizer(dir);
  assert.equal(tokenizer.eosTokenId, 904);
  assert.deepEqual(tokenizer.eosTokenIds, [904, 901, 902]);
  await writeFile(join(dir, 'tokenizer_config.json'), '{"eos_token": {"content": "<|eot_id|>", "special": true}}');
  assert.equal((await openTokenizer(dir)).eosTokenId, 904);
  assert.equal((await openTokenizer(dir)).padTokenId, 3);
  await rm(join(dir, 'tokenizer_config.json'));
  assert.equal((await openTokenizer(dir)).eosTokenId, 901);
});

test('says what is wrong with a tokenizer that cannot be read', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'tokenizer-'));
  t.after(() => rm(dir, { recursive: true }));
  const refused = (pattern: RegExp) =>
    assert.rejects(openTokenizer(dir), (error) => {
      assert.ok(SoftpromptError.is(error, 'tokenizer-unusable'), String(error));
      assert.match(error.message, pattern);
      return true;
    });
  await refused(/has no tokenizer\.json/);
  await writeFile(join(dir, 'spiece.model'), '');
  await refused(/has spiece\.model but no tokenizer\.json/);
  for (const [text, pattern] of [
    ['{"model": ', /not valid JSON/],
    ['[]', /no "model"/],
    ['null', /no "model"/],
    ['{"model": {"type": "Other"}}', /cannot be used/],
    ['{"model": null}', /cannot be used/],
  ] as const) {
    await writeFile(join(dir, 'tokenizer.json'), text);
    await refused(pattern);
  }
});
