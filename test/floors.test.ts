import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { test } from 'node:test';

/** Highest first: a folder imports only from folders listed after it. */
const floors = [
  'extension',
  'cli',
  'worker',
  'experiments',
  'evaluation',
  'training',
  'inference',
  'data',
  'methods',
  'models',
  'checkpoint',
  'runtime',
  'onnx',
  'foundation',
];

const src = resolve(import.meta.dirname, '../src');
const importOf = /(import|export)\s+(type\s+)?[^'";]*?from\s+'([^']+)'|import\('([^']+)'\)/g;

/** Whether a file computes from plain data alone: what it imports as values, and what that does, is a file like it. */
function isPlain(file: string): boolean {
  return [...readFileSync(file, 'utf8').matchAll(importOf)].every((match) => {
    const target = (match[3] ?? match[4]) as string;
    return match[2] !== undefined || (target.startsWith('.') && isPlain(resolve(dirname(file), target)));
  });
}

test('imports only ever point down', () => {
  const wrong: string[] = [];
  for (const file of globSync(`${src}/**/*.ts`)) {
    const here = relative(src, file).split('/')[0] as string;
    const isTest = file.endsWith('.test.ts');
    for (const match of readFileSync(file, 'utf8').matchAll(importOf)) {
      const target = (match[3] ?? match[4]) as string;
      const typeOnly = match[2] !== undefined;
      if (target === 'vscode' && !typeOnly && here !== 'extension') wrong.push(`${file} imports vscode as a value`);
      if (!target.startsWith('.')) continue;
      const there = relative(src, resolve(dirname(file), target)).split('/')[0] as string;
      if (there === here || isTest) continue;
      if (here === 'webview') {
        if (!typeOnly && !isPlain(resolve(dirname(file), target))) {
          wrong.push(`${relative(src, file)} imports ${target} as a value`);
        }
        continue;
      }
      const from = floors.indexOf(here);
      const to = floors.indexOf(there);
      if (from < 0 || to < 0 || to <= from) wrong.push(`${relative(src, file)} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('the extension never touches the engine below the worker as a value', () => {
  const engine = ['onnx', 'runtime', 'models', 'methods', 'inference', 'training'];
  const wrong: string[] = [];
  for (const file of globSync(`${src}/extension/**/*.ts`)) {
    for (const match of readFileSync(file, 'utf8').matchAll(importOf)) {
      const target = (match[3] ?? match[4]) as string;
      if (match[2] !== undefined || !target.startsWith('.')) continue;
      const there = relative(src, resolve(dirname(file), target)).split('/')[0] as string;
      if (engine.includes(there)) wrong.push(`${relative(src, file)} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});
