import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findStore } from './store.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'softprompt-')));

test('the store lies beside the file when nothing says otherwise', () => {
  assert.equal(findStore(join(root, 'a/b/x.tune.yaml'), '/elsewhere'), join(root, 'a/b/.softprompt'));
});

test('the store lies in the workspace that contains the file', () => {
  assert.equal(findStore(join(root, 'w/b/x.tune.yaml'), join(root, 'w')), join(root, 'w/.softprompt'));
  assert.equal(findStore(join(root, 'w/x.tune.yaml'), join(root, 'w')), join(root, 'w/.softprompt'));
  assert.equal(findStore(join(root, 'ww/x.tune.yaml'), join(root, 'w')), join(root, 'ww/.softprompt'));
});

test('the nearest folder above that has a store wins over the workspace', () => {
  mkdirSync(join(root, 'c/d/.softprompt'), { recursive: true });
  mkdirSync(join(root, 'c/.softprompt'));
  assert.equal(findStore(join(root, 'c/d/e/x.tune.yaml'), join(root, 'c')), join(root, 'c/d/.softprompt'));
  assert.equal(findStore(join(root, 'c/f/x.tune.yaml'), '/elsewhere'), join(root, 'c/.softprompt'));
});

test('folders that many projects share are no workspace', () => {
  assert.equal(findStore(join(root, 'a/x.tune.yaml'), '/'), join(root, 'a/.softprompt'));
  assert.equal(findStore(join(root, 'a/x.tune.yaml'), tmpdir()), join(root, 'a/.softprompt'));
});
