import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { methodsDocument, methodsFile } from './methodsDoc.ts';

test('docs/methods.md is what the tests run', () => {
  assert.equal(
    readFileSync(methodsFile, 'utf8'),
    methodsDocument(),
    'docs/methods.md is out of date: node scripts/methodsDoc.ts writes it',
  );
});
