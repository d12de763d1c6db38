import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columns, parseTemplate } from '../data/template.ts';
import { Random } from '../foundation/random.ts';
import { editPrompt, promptPool } from './promptEdits.ts';

const sources = [
  'What type of commit is this? Answer briefly.\nInput: {{message}}\nOutput:',
  '{{message}}',
  'Of {{a}} and {{b}}, which one? Say {{{{ when sure.',
  'Text {{message}}\n\nOne. Two; three. {{{{ Four.',
];

for (const source of sources) {
  test(`edits of ${JSON.stringify(source)} are templates with the same columns, and of each kind`, () => {
    const given = parseTemplate(source);
    const pool = promptPool(given, parseTemplate('Input: {{message}}\nOutput:'), ['a', 'b {{']);
    const random = Random.of(1, 'edits');
    const seen = new Set<string>();
    let current = source;
    for (let i = 0; i < 300; i++) {
      const edited = editPrompt(current, pool, random);
      if (edited === null) continue;
      assert.notEqual(edited, current);
      assert.deepEqual(columns(parseTemplate(edited)), columns(given), edited);
      seen.add(edited);
      // Long walks and short ones.
      current = i % 10 === 0 ? source : edited;
    }
    assert.ok(seen.size > 20, `${seen.size} prompts`);
    for (const template of pool.templates) assert.deepEqual(columns(parseTemplate(template)), columns(given));
  });
}

test('labels are named in the pool, and the template of the experiment only where it shows the same columns', () => {
  const own = parseTemplate('Own: {{message}} =');
  const pool = promptPool(parseTemplate('Say: {{message}}'), own, ['feat', 'fix']);
  assert.ok(pool.phrases.includes('Answer with one of: feat, fix.'));
  assert.ok(pool.templates.includes(own.source) && pool.cues.includes(' ='));
  const other = promptPool(parseTemplate('Say: {{text}}'), own, null);
  assert.ok(!other.templates.includes(own.source) && !other.cues.includes(' ='));
  assert.ok(other.phrases.every((phrase) => !phrase.startsWith('Answer with one of')));
});
