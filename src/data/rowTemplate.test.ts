import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowTemplate, withContext, withoutContext } from './rowTemplate.ts';
import { parseTemplate, render } from './template.ts';

const row = { question: 'When?', context: 'In {{May}}.' };

/** What a row is read as, with its context and without. */
function readings(input: string, context?: string): readonly (string | null)[] {
  const template = rowTemplate({ input, target: '{{answer}}', context });
  const bare = withoutContext(template.input);
  return [render(withContext(template.input, template), row), bare && render(bare, row)];
}

test('a context stands where the input says so, else before it', () => {
  assert.deepEqual(readings('Q: {{question}}'), ['Q: When?', null]);
  assert.deepEqual(readings('Q: {{question}}', 'Notes: {{context}}\n'), ['Notes: In {{May}}.\nQ: When?', 'Q: When?']);
  assert.deepEqual(readings('Q: {{question}}\n{{context}}A:', 'Notes: {{context}}\n'), [
    'Q: When?\nNotes: In {{May}}.\nA:',
    'Q: When?\nA:',
  ]);
  assert.deepEqual(readings('{{context}} {{question}}'), ['In {{May}}. When?', ' When?']);
});

test('a composed template is written as what it reads, whatever its text holds', () => {
  const template = rowTemplate({ input: 'literal {{{{ {{question}}', target: '', context: '{{{{{{context}}|' });
  const composed = withContext(template.input, template);
  assert.deepEqual(parseTemplate(composed.source).parts, composed.parts);
  assert.equal(render(composed, row), '{{In {{May}}.|literal {{ When?');
});
