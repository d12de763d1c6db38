import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Document, documents, evaluationRows, skillOf, taskNames, tasks } from './mixture.ts';
import { sampleTokenizer } from './modelFiles.ts';
import type { Skill } from './tasks/task.ts';
import { encoderOf } from './tokenizer.ts';

const skills = taskNames.flatMap((task): readonly Skill[] => tasks[task].skills);

function first(count: number, seed: number): Document[] {
  const rows = documents(seed);
  return Array.from({ length: count }, () => rows.next().value);
}

test('the weights are parts of one', () => {
  const total = taskNames.reduce((sum, task) => sum + tasks[task].weight, 0);
  assert.ok(Math.abs(total - 1) < 1e-9);
});

test('the same seed gives the same documents, another seed others', () => {
  assert.deepEqual(first(200, 5), first(200, 5));
  assert.notDeepEqual(first(200, 5), first(200, 6));
  assert.deepEqual(evaluationRows('command', 50, 5), evaluationRows('command', 50, 5));
});

test('tasks and their forms come as often as their weights say', () => {
  const rows = first(20_000, 9);
  for (const task of taskNames) {
    const { weight } = tasks[task];
    const taskRows = rows.filter((row) => row.task === task);
    const deviation = Math.sqrt((weight * (1 - weight)) / rows.length);
    assert.ok(Math.abs(taskRows.length / rows.length - weight) < 5 * deviation, task);
    for (const skill of tasks[task].skills)
      assert.ok(
        taskRows.some((row) => row.skill === skill.name),
        skill.name,
      );
  }
});

test('an instruction belongs to one form only', () => {
  const instructions = skills.flatMap((skill) => skill.instructions);
  assert.equal(new Set(instructions).size, instructions.length);
});

test('forms have names of their own, and are found by them', () => {
  assert.equal(new Set(skills.map(({ name }) => name)).size, skills.length);
  for (const skill of skills) assert.equal(skillOf(skill.name), skill);
});

test('a document has an instruction, the text and the answer on one line each, in 10 to 48 tokens', () => {
  const encode = encoderOf(sampleTokenizer());
  for (const { prompt, answer } of first(4000, 11)) {
    assert.match(prompt + answer, /^[^\n]+\nInput: \S[^\n]*\nOutput: \S[^\n]*$/);
    assert.doesNotMatch(prompt + answer, /undefined|null|[{]\w+[}]|\s$/);
    const { length } = encode(prompt + answer);
    assert.ok(length >= 10 && length <= 48, `${length} tokens: ${prompt}${answer}`);
  }
});

test('what is copied stands in the text', () => {
  const copying = ['commit-scope/component', 'product/name', 'word/first', 'word/last', 'slot/service', 'slot/person'];
  for (const { prompt, answer, skill } of first(4000, 13)) {
    if (copying.includes(skill)) assert.ok(prompt.split('\nInput:')[1]?.includes(answer), prompt + answer);
  }
});
